"""A limit holds exactly, says how long, and is not there unless it is set."""

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.limits import Limits
from gateway.limits import MINUTE_S, Counts, Limited, Moment, Side, is_exempt, limited

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ALL_USED = Counts(before=10**6, current=10**6, streams=10**6, tokens=10**12, spend=Decimal(10**6))


def judge(limits: Limits, counts: Counts, second: float = 0.0, now: datetime = NOON) -> Limited | None:
    return limited([Side("key", limits, counts)], Moment(second, now))


def test_what_is_not_set_does_not_limit() -> None:
    assert judge(Limits(), ALL_USED) is None
    assert limited([], Moment(0.0, NOON)) is None


@pytest.mark.parametrize(
    ("limits", "below", "reached", "name"),
    [
        (Limits(requests_per_minute=3), Counts(current=2), Counts(current=3), "requests"),
        (Limits(requests_per_minute=3), Counts(before=2), Counts(before=3), "requests"),
        (Limits(concurrent_streams=2), Counts(streams=1), Counts(streams=2), "streams"),
        (Limits(tokens_per_hour=9), Counts(tokens=8), Counts(tokens=9), "tokens"),
        (Limits(spend_per_day=Decimal("1.5")), Counts(spend=Decimal("1.49")), Counts(spend=Decimal("1.5")), "spend"),
    ],
)
def test_each_limit_holds_from_its_number_on(limits: Limits, below: Counts, reached: Counts, name: str) -> None:
    assert judge(limits, below) is None
    found = judge(limits, reached)
    assert found is not None
    assert found.limit == name
    assert found.refusal.status == 429
    assert dict(found.refusal.lines)[b"retry-after"] == b"%d" % found.retry_after_s
    assert "Nexus" in found.refusal.message


def test_the_refusal_says_what_anthropics_would() -> None:
    found = judge(Limits(requests_per_minute=4), Counts(before=8), second=15.0)
    assert found is not None
    assert found.refusal.lines == (
        (b"retry-after", b"23"),  # 8 * (1 - 37.5 / 60) = 3, and one more makes 4
        (b"anthropic-ratelimit-requests-limit", b"4"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"anthropic-ratelimit-requests-reset", b"2026-05-04T12:00:23Z"),
    )
    tokens = judge(Limits(tokens_per_hour=7), Counts(tokens=7))
    assert tokens is not None
    assert dict(tokens.refusal.lines)[b"anthropic-ratelimit-tokens-limit"] == b"7"
    assert dict(tokens.refusal.lines)[b"anthropic-ratelimit-tokens-reset"] == b"2026-05-04T12:01:00Z"


def test_a_limit_of_nothing_lets_nothing_through_and_has_an_answer() -> None:
    found = judge(Limits(requests_per_minute=0), Counts(), second=10.0)
    assert found is not None
    assert found.retry_after_s == 110


def test_spend_comes_back_at_midnight() -> None:
    late = datetime(2026, 5, 4, 23, 59, 30, 500_000, UTC)
    found = judge(Limits(spend_per_day=Decimal(1)), Counts(spend=Decimal(2)), now=late)
    assert found is not None
    assert found.retry_after_s == 30
    assert "$1 a day" in found.refusal.message


def test_of_key_and_account_and_of_several_limits_the_one_that_holds_longest_is_told() -> None:
    day = Limits(spend_per_day=Decimal(1), concurrent_streams=1)
    sides = [
        Side("key", Limits(requests_per_minute=1), Counts(current=1)),
        Side("account", day, Counts(streams=1, spend=Decimal(1))),
    ]
    found = limited(sides, Moment(50.0, NOON))
    assert found is not None
    assert found.limit == "spend"
    assert "account" in found.refusal.message
    free = Side("account", day, Counts())
    by_key = limited([sides[0], free], Moment(50.0, NOON))
    assert by_key is not None
    assert by_key.limit == "requests"
    assert limited([free], Moment(50.0, NOON)) is None


@given(
    limit=st.integers(1, 50),
    before=st.integers(0, 200),
    current=st.integers(0, 200),
    second=st.floats(0, 59.999),
)
def test_after_the_time_that_is_told_one_more_fits_and_well_before_it_does_not(
    limit: int, before: int, current: int, second: float
) -> None:
    def fits(after: float) -> bool:
        end = second + after
        if end < MINUTE_S:
            return before * (1 - end / MINUTE_S) + current + 1 <= limit + 1e-6
        into = end - MINUTE_S
        return into >= MINUTE_S or current * (1 - into / MINUTE_S) + 1 <= limit + 1e-6

    found = judge(Limits(requests_per_minute=limit), Counts(before=before, current=current), second)
    assert (found is None) == fits(0) or abs(before * (1 - second / 60) + current + 1 - limit) < 1e-6
    if found is not None:
        assert fits(found.retry_after_s)
        assert found.retry_after_s <= 2 * MINUTE_S
        assert not fits(found.retry_after_s - 1.001)


@given(st.integers(1, 20), st.lists(st.floats(0, 30), max_size=60))
def test_a_minute_never_lets_through_more_than_the_limit_and_one_minutes_slack(limit: int, waits: list[float]) -> None:
    """Two counters cannot know more than that; they never let through twice the limit within a minute."""
    clock, let_in = 0.0, deque[float]()
    for wait in waits:
        clock += wait
        minute = clock // MINUTE_S
        before = sum(when // MINUTE_S == minute - 1 for when in let_in)
        current = sum(when // MINUTE_S == minute for when in let_in)
        if judge(Limits(requests_per_minute=limit), Counts(before, current), clock % MINUTE_S) is None:
            let_in.append(clock)
    for start in let_in:
        assert sum(start <= when < start + MINUTE_S for when in let_in) < 2 * limit or limit == 1


def test_counting_tokens_is_exempt_and_nothing_that_looks_like_it() -> None:
    assert is_exempt(b"/v1/messages/count_tokens")
    assert is_exempt(b"/v1/messages/count_tokens?beta=true")
    for target in (b"/v1/messages", b"/v1/messages/count_tokens/", b"/v1/messages?/count_tokens", b"/x/count_tokens"):
        assert not is_exempt(target)
