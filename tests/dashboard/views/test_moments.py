"""The time control stands where it was asked for, and leads to what happened before and after."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.moments import as_ms, moment_in, time_control

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MOMENTS = [START + timedelta(seconds=seconds) for seconds in (0, 1, 5)]


def address(moment: datetime) -> str:
    return f"?as_of={moment.isoformat()}".replace(":", "%3A").replace("+", "%2B")


def test_now_is_at_the_end() -> None:
    control = time_control(MOMENTS, None, UUID(int=1))
    assert control is not None
    assert (control.at_ms, control.number, control.of) == (control.last_ms, 3, 3)
    assert (control.before, control.after) == (address(MOMENTS[1]), "")
    assert control.selected == str(UUID(int=1))


@pytest.mark.parametrize(
    ("seconds", "number", "before", "after"),
    [(0, 1, None, 1), (1, 2, 0, 2), (3, 2, 1, 2), (5, 3, 1, None), (-9, 0, None, 0)],
)
def test_a_moment_has_neighbours(seconds: int, number: int, before: int | None, after: int | None) -> None:
    control = time_control(MOMENTS, START + timedelta(seconds=seconds), None)
    assert control is not None
    assert control.number == number
    assert control.before == ("" if before is None else address(MOMENTS[before]))
    assert control.after == ("" if after is None else address(MOMENTS[after]))
    assert control.first_ms <= control.at_ms <= control.last_ms
    assert control.selected == ""


def test_what_has_no_past_has_no_control() -> None:
    assert time_control([], None, None) is None
    assert time_control([START], None, None) is None


def test_the_last_moment_is_on_the_slider_to_its_end() -> None:
    late = START + timedelta(microseconds=1)
    control = time_control([START, late], None, None)
    assert control is not None
    assert moment_in(str(control.last_ms)) >= late  # type: ignore[operator]  # it is a moment


@given(st.integers(0, 32_000_000_000_000_000), st.sampled_from([UTC, timezone(timedelta(hours=9))]))
def test_a_moment_comes_back_from_an_address(microseconds: int, zone: tzinfo) -> None:
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).astimezone(zone)
    assert moment_in(moment.isoformat()) == moment
    back = moment_in(str(as_ms(moment)))
    assert back is not None
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-22T09:30:00", "-5", "9" * 15, "9" * 14 + "0", "٣", "9999-99-99T00:00:00Z"]
)
def test_anything_else_is_no_moment(text: str) -> None:
    assert moment_in(text) is None
