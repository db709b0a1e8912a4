"""Windows are what a plain program makes of the same sightings, in whatever order they come."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.moments import micros_at
from domain.rate_limits import Gauge
from domain.windows import (
    JITTER,
    Sighting,
    Window,
    length_of,
    model_scope_of,
    points_of,
    tracks_of,
    windows_of,
    windows_on,
)

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sighting(minute: float, share: float | None, reset: float | None, name: str = "5h", **more: object) -> Sighting:
    gauge = Gauge(
        kind="window",
        name=name,
        utilization=share,
        resets_at=START + reset * MINUTE if reset is not None else None,
        **more,  # type: ignore[arg-type]  # of a gauge
    )
    backwards = UUID(int=1_000_000 - int(minute * 60))  # ids tell nothing of the order
    return Sighting(START + minute * MINUTE, backwards, gauge)


def shape(window: Window) -> tuple[float, float, list[float]]:
    """Minutes of its start and end, and its points."""
    assert window.starts_at is not None
    minutes = ((moment - START) / MINUTE for moment in (window.starts_at, window.ended_at))
    return (*minutes, [point.utilization for point in window.points])  # type: ignore[return-value]  # two and one


@pytest.mark.parametrize(
    ("name", "length", "scope"),
    [
        ("5h", timedelta(hours=5), None),
        ("7d", timedelta(days=7), None),
        ("7d_oi", timedelta(days=7), "oi"),
        ("30m_x_y", timedelta(minutes=30), "x_y"),
        ("2w", timedelta(weeks=2), None),
        ("0h", None, None),
        ("seven_day", None, None),
        ("5y", None, None),
        ("99999d", None, None),
        ("٥h", None, None),
    ],
)
def test_a_name_tells_length_and_models(name: str, length: timedelta | None, scope: str | None) -> None:
    assert (length_of(name), model_scope_of(name)) == (length, scope)


def test_a_window_ends_with_its_reset_or_when_the_next_is_seen() -> None:
    found = windows_of(
        [
            sighting(10, 0.1, 300),
            sighting(200, 0.6, 300.5),  # the server rounds now one way, now the other
            sighting(310, 0.05, 600),
            sighting(400, 0.02, 690),  # somebody reset all windows early
        ]
    )["5h"]
    assert [shape(one) for one in found] == [(0, 300, [0.1, 0.6]), (300, 400, [0.05]), (390, 690, [0.02])]
    assert not found[-1].is_over(START + 689 * MINUTE)
    assert found[-1].is_over(START + 690 * MINUTE)


def test_a_late_answer_of_the_window_before_does_not_bring_it_back() -> None:
    """And a server whose clock is ahead begins the next one before ours has got there."""
    found = windows_of([sighting(297, 0.01, 600), sighting(299, 0.7, 300), sighting(250, 0.6, 300)])["5h"]
    assert [shape(one) for one in found] == [(0, 297, [0.6, 0.7]), (300, 600, [0.01])]


def test_without_a_reset_there_is_no_window_and_without_a_share_no_point() -> None:
    assert windows_of([sighting(1, 0.5, None)]) == {}
    (only,) = windows_of([sighting(1, None, 300, status="rejected")])["5h"]
    assert (only.points, only.warned) == ((), True)


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({"status": "allowed"}, False),
        ({"status": "allowed_warning"}, True),
        ({"status": "rejected"}, True),
        ({"status": "allowed", "surpassed": True}, True),
        ({}, False),
    ],
)
def test_the_newest_sighting_warns(more: dict[str, object], warned: bool) -> None:
    (only,) = windows_of([sighting(2, 0.5, 300, "5h", **more), sighting(1, 0.5, 300, status="rejected")])["5h"]
    assert only.warned == warned


def test_other_kinds_are_no_windows_and_other_names_have_no_start() -> None:
    odd = sighting(1, 0.5, 300, "seven_day")
    assert windows_of([odd])["seven_day"][0].starts_at is None
    assert windows_of([Sighting(START, UUID(int=1), Gauge(kind="key", name="5h", resets_at=START))]) == {}


SIGHTINGS = st.lists(
    st.builds(
        sighting,
        st.integers(0, 900),
        st.none() | st.integers(0, 100).map(lambda cents: cents / 100),
        st.none() | st.sampled_from([300, 300.5, 301, 301.5, 302, 303, 600, 600.9, 900]),
        st.sampled_from(["5h", "7d"]),
    ),
    max_size=30,
    unique_by=lambda one: one.request_id,
)


def plain(sightings: Sequence[Sighting]) -> list[tuple[datetime, list[UUID]]]:
    """Of one name: each sighting joins the newest group whose first reset is near; written without any haste."""
    groups: list[list[Sighting]] = []
    for one in sorted(sightings, key=lambda each: (each.seen_at, each.request_id)):
        if one.gauge.resets_at is None:
            continue
        for group in groups[::-1]:
            first = group[0].gauge.resets_at
            assert first is not None
            if first - JITTER <= one.gauge.resets_at <= first + JITTER:
                group.append(one)
                break
        else:
            groups.append([one])
    ends = []
    for number, group in enumerate(groups):
        reset = group[0].gauge.resets_at
        assert reset is not None
        later = [following[0].seen_at for following in groups[number + 1 : number + 2]]
        ends.append((min([reset, *later]), [one.request_id for one in group if one.gauge.utilization is not None]))
    return ends


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(sightings: list[Sighting], random: object) -> None:
    twice = [*sightings, *sightings]
    random.shuffle(twice)  # type: ignore[attr-defined]
    found = windows_of(twice)
    assert found == windows_of(sightings)
    for name in ("5h", "7d"):
        own = [one for one in sightings if one.gauge.name == name]
        got = [(one.ended_at, [point.request_id for point in one.points]) for one in found.get(name, ())]
        assert got == plain(own)


def test_a_reset_near_two_others_belongs_to_the_window_that_began_last() -> None:
    """Both are a minute away; of three that are told apart, the one told last of the two takes it."""
    for first, last in ((301, 303), (303, 301)):
        later, *others = [sighting(3, 0.3, 302), sighting(1, 0.1, first), sighting(2, 0.2, last)]
        (before, present) = windows_of([*others, later])["5h"]
        assert [point.utilization for point in before.points] == [0.1]
        assert [point.utilization for point in present.points] == [0.2, 0.3]


def test_a_reset_that_comes_again_goes_where_the_newest_window_takes_it() -> None:
    """302 was of the window to 301; once one to 303 has begun, it is of that one."""
    told = [sighting(1, 0.1, 301), sighting(2, 0.2, 302), sighting(3, 0.3, 303), sighting(4, 0.4, 302)]
    assert [[point.utilization for point in one.points] for one in windows_of(told)["5h"]] == [[0.1, 0.2], [0.3, 0.4]]


def test_a_reset_is_held_against_the_first_one_of_a_window_and_not_the_one_before() -> None:
    """303 is a minute from 302, which is of the window to 301: it is none of that window."""
    told = [sighting(number, 0.1, reset) for number, reset in enumerate((301, 305, 302, 303))]
    found = windows_of(told)["5h"]
    assert [len(one.points) for one in found] == [2, 1, 1]
    assert [one.resets_at for one in found] == [START + minute * MINUTE for minute in (301, 305, 303)]


@given(SIGHTINGS)
def test_a_window_says_what_its_sightings_say(sightings: list[Sighting]) -> None:
    """Columns give back what went in, at their places."""
    by_id = {one.request_id: one for one in sightings}
    for track in tracks_of(sightings):
        for window in windows_on(track):
            newest = by_id[window.newest.request_id]
            assert (window.newest, window.status, window.name) == (newest, newest.gauge.status, newest.gauge.name)
            for point in window.points:
                one = by_id[point.request_id]
                assert (point.at, point.utilization) == (one.seen_at, one.gauge.utilization)
            assert [point.at for point in window.points] == sorted(point.at for point in window.points)
            for minute in (0, 300):
                since = START + minute * MINUTE
                later = [point for point in window.points if point.at >= since]
                assert points_of([window], micros_at(since)) == later
