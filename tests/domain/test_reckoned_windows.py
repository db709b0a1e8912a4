"""Windows reckoned from tokens are those of a plain walk over minutes, and what fills one lies within the range."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.moments import micros_at
from domain.rate_limits import Gauge
from domain.reckoned_windows import Capacity, Share, TokenUse, Use, capacity_of, share_of
from domain.windows import Sighting, Window, windows_of

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def use(*pairs: tuple[float, int]) -> TokenUse:
    return TokenUse(Use(at(minute), tokens) for minute, tokens in pairs)


def seen(*pairs: tuple[float, float | None], reset: float = 300) -> tuple[Window, ...]:
    sightings = [
        Sighting(at(minute), UUID(int=number), Gauge(kind="window", name="5h", utilization=share, resets_at=at(reset)))
        for number, (minute, share) in enumerate(pairs)
    ]
    return windows_of(sightings)["5h"]


def test_a_window_begins_with_the_first_request_after_the_last_one_ended() -> None:
    found = use((700, 5), (10, 1), (309, 2), (310, 4)).windows(at(0))
    assert [((one.starts_at - START) / MINUTE, (one.ends_at - START) / MINUTE, one.tokens) for one in found] == [
        (10, 310, 3),
        (310, 610, 4),
        (700, 1000, 5),
    ]


def test_bounds_cut_the_chain() -> None:
    found = use((10, 1), (50, 2), (300, 4)).windows(at(11), at(200))
    assert [(one.starts_at, one.ends_at, one.tokens) for one in found] == [(at(50), at(200), 2)]


USES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 1000)), max_size=20)


@given(USES, st.integers(0, 2000), st.none() | st.integers(0, 2000))
def test_windows_are_those_of_a_walk_over_minutes(pairs: list[tuple[int, int]], since: int, until: int | None) -> None:
    walked, end = [], None
    for minute in range(since, 2001 if until is None else until):
        tokens = [used for when, used in pairs if when == minute]
        if tokens and (end is None or minute >= end):
            end = minute + 300 if until is None else min(minute + 300, until)
            walked.append([minute, end, 0])
        if tokens:
            walked[-1][2] += sum(tokens)
    found = use(*pairs).windows(at(since), None if until is None else at(until))
    assert [[(one.starts_at - START) / MINUTE, (one.ends_at - START) / MINUTE, one.tokens] for one in found] == walked


@given(USES, st.integers(0, 2000), st.integers(0, 2000))
def test_sums(pairs: list[tuple[int, int]], start: int, end: int) -> None:
    found = use(*pairs)
    assert found.between(at(start), at(end)) == sum(used for when, used in pairs if start <= when < end)
    assert found.after(at(start), at(end)) == sum(used for when, used in pairs if start < when <= end)
    assert found.begins_at == (at(min(when for when, _ in pairs)) if pairs else None)


def test_what_fills_a_window_is_a_range_with_rounding_in_it() -> None:
    tokens = use((0, 0), (1, 40), (2, 60), (3, 1_000_000))
    found = capacity_of(seen((1, 0.1), (2, 0.2)), tokens)
    assert found is not None
    assert (found.likely, found.windows) == (500, 1)
    assert (found.low, found.high) == pytest.approx((100 / 0.205, 100 / 0.195))
    assert share_of(250, Capacity(low=400, likely=500, high=1000, windows=3)) == Share(likely=0.5, low=0.25, high=0.625)


def test_windows_that_tell_nothing_are_left_out() -> None:
    tokens = use((0, 10), (100, 10))
    assert capacity_of((), tokens) is None
    assert capacity_of(seen((1, 0.04)), tokens) is None, "rounding says more than use"
    assert capacity_of(seen((1, 1.0)), tokens) is None, "it may have been full long before"
    assert capacity_of(seen((1, None)), tokens) is None
    assert capacity_of(seen((1, 0.5), reset=299), tokens) is None, "what was used at its beginning is not known"
    assert capacity_of(seen((50, 0.5)), use((0, 0), (100, 10))) is None
    assert capacity_of(seen((50, 0.5)), use()) is None
    nameless = Sighting(at(1), UUID(int=1), Gauge(kind="window", name="x", utilization=0.5, resets_at=at(300)))
    assert capacity_of(windows_of([nameless])["x"], tokens) is None


@given(st.integers(10_000, 10_000_000), st.lists(st.integers(5, 99), min_size=1, max_size=5, unique=True))
def test_the_truth_lies_in_the_range(capacity: int, cents: list[int]) -> None:
    """Whatever the headers round: each window was filled to about so many hundredths by exactly these tokens."""
    windows, uses = list[Window](), [(0.0, 0)]
    for number, cent in enumerate(cents):
        tokens = round(capacity * (cent + 0.3) / 100)
        uses.append((number * 300 + 1, tokens))
        windows += seen((number * 300 + 2, round(tokens / capacity, 2)), reset=(number + 1) * 300)
    found = capacity_of(windows, use(*uses))
    assert found is not None
    assert found.windows == len(cents)
    assert found.low <= capacity * (1 + 1e-9)
    assert found.high >= capacity * (1 - 1e-9)
    assert found.low <= found.likely <= found.high


@given(USES, st.integers(0, 2000), st.integers(0, 2000))
def test_columns_are_the_same_uses(pairs: list[tuple[int, int]], start: int, end: int) -> None:
    ordered = sorted(pairs)
    columns = ([micros_at(at(minute)) for minute, _ in ordered], [tokens for _, tokens in ordered])
    plain, packed = use(*pairs), TokenUse(columns=columns)
    assert packed.windows(at(start)) == plain.windows(at(start))
    assert packed.between(at(start), at(end)) == plain.between(at(start), at(end))
    assert (packed.begins, packed.begins_at) == (plain.begins, plain.begins_at)
