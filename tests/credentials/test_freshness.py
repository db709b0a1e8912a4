"""When a token is good, due or spent, and how long a failed refresh is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.credential import OAuthCredential
from credentials.freshness import failed, freshness, is_new, seconds_left

ONE = OAuthCredential("a", "r", expires_at_ms=8 * 3_600_000)
SHORT = OAuthCredential("a", "r", expires_at_ms=1_060_000, refreshed_at_ms=1_000_000)


def test_the_wall_clock_says_how_long() -> None:
    assert seconds_left(ONE, 0) == 8 * 3600
    assert seconds_left(ONE, 8 * 3_600_000 + 1000) == -1
    assert seconds_left(OAuthCredential("a"), 5) is None


@pytest.mark.parametrize(
    ("left", "said"),
    [(None, "fresh"), (301, "fresh"), (300, "due"), (11, "due"), (10, "expired"), (0, "expired"), (-1e9, "expired")],
)
def test_a_token_is_due_five_minutes_ahead(left: float | None, said: str) -> None:
    assert freshness(ONE, left) == said


@pytest.mark.parametrize(("left", "said"), [(60, "fresh"), (31, "fresh"), (30, "due"), (10, "expired")])
def test_a_token_of_a_short_life_is_not_due_all_the_time(left: float, said: str) -> None:
    assert freshness(SHORT, left) == said


def test_a_token_is_new_for_ten_seconds_whatever_clock_it_was() -> None:
    assert is_new(SHORT, 1_000_000)
    assert is_new(SHORT, 995_000)
    assert not is_new(SHORT, 1_010_000)
    assert not is_new(ONE, 0)


def test_pauses_double_up_to_a_minute() -> None:
    failure, pauses = None, []
    for _ in range(9):
        failure = failed(failure, "r", "busy", None, 100.0)
        pauses.append(failure.not_before - 100)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert failed(failure, "another", "busy", None, 100.0).streak == 1


@given(st.floats(0, 1e9), st.integers(1, 1000))
def test_what_the_server_asks_for_is_honoured_within_reason(told: float, times: int) -> None:
    failure = None
    for _ in range(times % 20 + 1):
        failure = failed(failure, "r", "busy", told, 0.0)
    assert failure is not None
    assert min(told, 3600) <= failure.not_before <= max(60, 3600)
    assert "r'" not in repr(failure)
