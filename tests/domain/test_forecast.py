"""A forecast is what a plain reading of the same past gives; too little past gives none, and says why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import forecast
from domain.forecast import Climb, Forecast, Outlook, at_present_pace, at_usual_pace
from domain.moments import micros_at, micros_in, span_of
from domain.rate_limits import Gauge
from domain.windows import Sighting, Window, windows_of
from tests.plain_windows import micros_of

START = datetime(2026, 9, 7, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
FIVE = 5 * HOUR


def at(hour: float) -> datetime:
    return START + hour * HOUR


def time_for(climb: Climb, rise: float, start: datetime, horizon: timedelta) -> timedelta | None:
    (took,) = climb.times_from([(micros_at(start), rise)], horizon)
    return None if took is None else span_of(took)


def windows(*readings: tuple[float, float, float]) -> tuple[Window, ...]:
    """(hour, share, hour of the reset)."""
    return windows_of(
        Sighting(at(hour), UUID(int=number), Gauge(kind="window", name="5h", utilization=share, resets_at=at(reset)))
        for number, (hour, share, reset) in enumerate(readings)
    ).get("5h", ())


def weekly(paces: Sequence[float], hours: int = 6) -> tuple[Window, ...]:
    """Each week the same hours are worked in; every half of an hour uses up half of the week's pace."""
    readings = []
    for week, pace in enumerate(paces):
        readings += [(week * 168 + step / 2, pace * step / 2, week * 168 + 5.0) for step in range(2 * hours - 1)]
    return windows(*((hour, share, reset) for hour, share, reset in readings if hour < reset))


def test_the_climb_goes_on_across_resets_and_takes_nothing_back() -> None:
    climb = Climb(windows((0, 0.2, 5), (1, 0.5, 5), (2, 0.4, 5), (3, 0.6, 5), (6, 0.1, 11)))
    assert climb.begins_at == at(0)
    levels = [climb.level(at(hour)) for hour in (-1, 0, 1, 2, 3, 5.9, 6, 99)]
    assert levels == pytest.approx([0, 0.2, 0.5, 0.5, 0.6, 0.6, 0.7, 0.7])
    assert time_for(climb, 0.4, at(0), 9 * HOUR) == 3 * HOUR
    assert time_for(climb, 0.4, at(0), 2 * HOUR) is None, "too late"
    assert time_for(climb, 0.9, at(0), 99 * HOUR) is None, "never"
    assert time_for(climb, 0, at(4), HOUR) == timedelta()
    assert Climb(()).begins_at is None


def test_windows_that_cross_are_one_climb() -> None:
    """A late answer of the window before rises between those of the next, and two at once both count."""
    crossing = windows((1, 0.2, 5), (3, 0.1, 10), (4, 0.5, 5), (6, 0.4, 10), (6, 0.3, 16))
    climb = Climb(crossing)
    assert [climb.level(at(hour)) for hour in (1, 3, 4, 6)] == pytest.approx([0.2, 0.3, 0.6, 1.2])
    assert time_for(climb, 0.3, at(1), 9 * HOUR) == 3 * HOUR


def test_the_pace_is_the_middle_one_of_three_looks_back() -> None:
    """Of 21 hours: looks of one, two and three hours."""
    length = 21 * HOUR
    assert Climb(windows((0, 0.1, 21), (3, 0.7, 21))).paces([at(3)], length) == pytest.approx([0.3]), "a burst just now"
    assert Climb(windows((0, 0.1, 21), (0.5, 0.7, 21))).paces([at(3)], length) == [0], "a burst long ago"
    steady = windows(*((hour / 2, hour / 20, 21) for hour in range(7)))
    assert Climb(steady).paces([at(3)], length) == pytest.approx([0.1])


def test_the_usual_pace_asks_the_same_hours_of_the_weeks_before() -> None:
    climb = Climb(weekly([0.2, 0.3, 0.4, 0.5, 0.3]))
    outlook = Outlook(now=at(4 * 168 + 1), resets_at=at(4 * 168 + 5), length=FIVE, utilization=0.3)
    assert at_usual_pace(climb, outlook) == Forecast(
        pace="usual",
        likely=at(4 * 168 + 3),
        earliest=at(4 * 168 + 2.5),
        latest=at(4 * 168 + 4.5),
        level=0.6,
        cases=4,
        full=4,
    )


def test_never_is_an_answer() -> None:
    climb = Climb(weekly([0.01] * 9))
    outlook = Outlook(now=at(8 * 168 + 1), resets_at=at(8 * 168 + 5), length=FIVE, utilization=0.01)
    for found in (at_usual_pace(climb, outlook), at_present_pace(climb, outlook)):
        assert (found.likely, found.earliest, found.latest, found.full, found.reason) == (None, None, None, 0, "")
        assert found.level is not None
        assert found.level >= 0.75


@pytest.mark.parametrize(("weeks", "known"), [(1, 0), (2, 1), (3, 2), (4, 3), (12, 8)])
def test_weeks_are_counted_as_far_as_they_are_known(weeks: int, known: int) -> None:
    climb = Climb(weekly([0.1] * weeks))
    outlook = Outlook(at((weeks - 1) * 168 + 1), at((weeks - 1) * 168 + 5), FIVE, 0.1)
    found = at_usual_pace(climb, outlook)
    if known < 3:
        assert found == Forecast(pace="usual", reason=f"{known} earlier weeks are known of; 3 are needed")
    else:
        assert found.cases == known


def test_a_window_with_more_than_a_week_to_go_has_no_usual_case_of_last_week() -> None:
    climb = Climb(weekly([0.1] * 12))
    outlook = Outlook(at(11 * 168 + 1), at(11 * 168 + 1 + 24 * 10), timedelta(days=30), 0.1)
    assert at_usual_pace(climb, outlook).cases == 7


def test_without_a_past_there_is_no_forecast() -> None:
    outlook = Outlook(at(1), at(5), FIVE, 0.5)
    assert at_usual_pace(Climb(()), outlook).reason == "0 earlier weeks are known of; 3 are needed"
    idle = Forecast(
        pace="present", per_hour=0.0, reason="nothing was used in the last 29 minutes, as far as headers tell"
    )
    assert at_present_pace(Climb(()), outlook) == idle
    weekly_outlook = Outlook(at(1), at(5), timedelta(days=7), 0.5)
    assert "16 hours" in at_present_pace(Climb(()), weekly_outlook).reason
    young = at_present_pace(Climb(windows((0.5, 0.2, 5), (0.9, 0.5, 5))), outlook)
    assert young.reason == "0 earlier moments with a pace are known of; 12 are needed"
    assert young.per_hour is not None
    assert young.per_hour > 0


def test_nothing_before_the_first_sighting_is_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A climb with a pace has begun; should one ever not have, there is nothing to compare with."""
    monkeypatch.setattr(Climb, "paces", lambda _, moments, __: [1.0] * len(moments))
    assert at_present_pace(Climb(()), Outlook(at(1), at(5), FIVE, 0.5)).cases == 0


def test_a_steady_pace_is_a_sure_thing() -> None:
    """Who uses a hundredth every quarter of an hour, day and night, has what is left when the line says so."""
    quarters = [(number / 4, (number % 20 + 1) / 100, 5.0 * (number // 20 + 1)) for number in range(24 * 4 * 7)]
    climb = Climb(windows(*quarters))
    now = 24 * 7 - 3.0
    found = at_present_pace(climb, Outlook(at(now), at(now + 3), FIVE, 0.9))
    assert found.per_hour == pytest.approx(0.042)
    assert found.likely is not None
    assert found.earliest is not None
    assert found.latest is not None
    assert at(now + 2.25) <= found.earliest <= found.likely <= found.latest <= at(now + 2.5)


def test_only_alike_moments_count_where_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow weeks are no cases for a fast hour, unless there is nothing else."""
    slow, fast = [0.02] * 7, [0.2]
    climb = Climb(weekly([*slow, *fast, 0.2], hours=5))
    outlook = Outlook(at(8 * 168 + 2), at(8 * 168 + 5), FIVE, 0.4)
    some = at_present_pace(climb, outlook)
    monkeypatch.setattr(forecast, "LEAST_CASES", 3)
    few = at_present_pace(climb, outlook)
    assert 0 < few.cases < some.cases


CASES = st.lists(
    st.none() | st.integers(0, 239).map(lambda minutes: timedelta(minutes=minutes)), min_size=3, max_size=60
)


@given(CASES)
def test_the_range_is_the_narrowest_that_keeps_its_word(cases: list[timedelta | None]) -> None:
    """Of n + 1 exchangeable cases, one lies outside of the ranks cut at both ends with 2 cut / (n + 1)."""
    outlook = Outlook(at(0), at(4), FIVE, 0.5)
    found = forecast._forecast("usual", outlook, micros_of(cases))
    later = [outlook.now + case if case is not None else None for case in cases]
    last = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(moment or last for moment in later)
    count = len(ordered) + 1
    cut = max(1, *(number for number in range(count) if Fraction(2 * number, count) <= Fraction(1, 5)), 0)
    assert found.level == pytest.approx(float(1 - Fraction(2 * cut, count)))
    assert (found.earliest or last) == ordered[cut - 1]
    assert (found.latest or last) == ordered[-cut]
    assert (found.likely or last) == ordered[(len(ordered) - 1) // 2]
    assert (found.cases, found.full) == (len(cases), sum(case is not None for case in cases))
    assert (found.earliest or last) <= (found.likely or last) <= (found.latest or last)


STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=15)


@given(STEPS, st.integers(0, 40), st.integers(1, 60), st.integers(0, 40))
def test_a_climb_is_walked_step_by_step(steps: list[tuple[int, int]], start: int, rise: int, horizon: int) -> None:
    """Each hour in its own window, so that each share is a rise of its own."""
    by_hour = dict(steps)
    climb = Climb(windows(*((hour, cents / 100, 1000 + 10 * hour) for hour, cents in by_hour.items())))
    walked, expected = 0, None
    for hour in range(start + 1, min(start + horizon, 40) + 1):
        walked += by_hour.get(hour, 0)
        if walked >= rise:
            expected = (hour - start) * HOUR
            break
    assert time_for(climb, rise / 100, at(start), horizon * HOUR) == expected


def plain_pace(climb: Climb, moment: datetime, length: timedelta) -> float:
    """One look back after the other, each moment on its own."""
    looks = [part * length for part in forecast.LOOK_BACKS]
    rises = [(climb.level(moment) - climb.level(moment - look)) / (look / HOUR) for look in looks]
    return sorted(rises)[1]


@given(STEPS, st.lists(st.integers(-300, 3000), max_size=12), st.sampled_from([FIVE, 21 * HOUR, WEEK]))
def test_the_paces_of_many_moments_are_those_of_each(
    steps: list[tuple[int, int]], minutes: list[int], length: timedelta
) -> None:
    """To the last bit: an answer may not change with how many moments are looked at together."""
    climb = Climb(windows(*((hour, cents / 100, 1000 + 10 * hour) for hour, cents in dict(steps).items())))
    moments = [at(minute / 60) for minute in minutes]
    assert climb.paces(moments, length) == [plain_pace(climb, moment, length) for moment in moments]


@given(STEPS, st.tuples(st.integers(-5, 45), st.integers(-5, 45)), st.integers(1, 9), st.integers(1, 30))
def test_only_idle_moments_are_stepped_over(
    steps: list[tuple[int, int]], ends: tuple[int, int], step: int, span: int
) -> None:
    """Moments are hours; a look back may be shorter than a step, and longer."""
    climb = Climb(windows(*((hour, cents / 100, 1000 + 10 * hour) for hour, cents in dict(steps).items())))
    first, last = ends
    moments = range(last, first - 1, -step)
    busy = [hour for hour in moments if any(hour - span < when <= hour for when, _ in steps)]
    found = climb.busy(micros_at(at(first)), micros_at(at(last)), micros_in(step * HOUR), micros_in(span * HOUR))
    assert found == [micros_at(at(hour)) for hour in busy]
