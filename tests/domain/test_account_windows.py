"""Every value of an account's windows says whether a header said it or we reckon it, and from what."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account_windows import MAX_PAST, Known, account_windows
from domain.rate_limits import Gauge, GaugeKind
from domain.reckoned_windows import TokenUse, Use
from domain.windows import Sighting, tracks_of
from schemas.limits_api import AccountWindows, KeyLimitItem, Reading, WindowItem
from tests.limit_samples import without_history
from tests.plain_windows import lived, window_items
from tests.requirements import scaled

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hour: float) -> datetime:
    return START + hour * HOUR


def seen(hour: float, share: float | None, reset: float | None, name: str = "5h", **more: object) -> Sighting:
    return of_kind("window", hour, name, utilization=share, resets_at=None if reset is None else at(reset), **more)


def of_kind(kind: GaugeKind, hour: float, name: str = "", **more: object) -> Sighting:
    gauge = Gauge(kind=kind, name=name, **more)  # type: ignore[arg-type]  # of a gauge
    return Sighting(at(hour), UUID(int=round(hour * 3600) + 10_000_000), gauge)


def told(
    sightings: Sequence[Sighting], *uses: tuple[float, int], now: float, bare: float | None = None
) -> AccountWindows:
    known = Known(
        account="acme",
        sightings=sightings,
        bare_at=None if bare is None else at(bare),
        use=TokenUse(Use(at(hour), tokens) for hour, tokens in uses),
    )
    return account_windows(known, at(now))


def window(found: AccountWindows, name: str = "5h") -> WindowItem:
    (one,) = [each for each in found.windows if each.name == name]
    return one


def test_what_a_header_said_is_shown_as_such() -> None:
    newest = seen(2, 0.5, 5, status="allowed_warning", surpassed=True, threshold=0.4)
    found = told([seen(1, 0.2, 5), newest], now=3, bare=2.5)
    one = window(found)
    assert (found.account, found.headers_at, found.bare_at) == ("acme", at(2), at(2.5))
    assert (one.state, one.starts_at, one.resets_at, one.bounds) == ("open", at(0), at(5), "header")
    assert (one.status, one.warning, one.threshold, one.length_s, one.model_scope) == (
        "allowed_warning",
        True,
        0.4,
        18_000,
        None,
    )
    assert one.now == one.said
    assert one.said == Reading(
        utilization=0.5,
        source="header",
        how="said by the headers of that answer",
        request_id=newest.request_id,
        seen_at=at(2),
    )
    assert [(point.at, point.utilization) for point in one.history] == [(at(1), 0.2), (at(2), 0.5)]
    assert [each.pace for each in one.forecasts] == ["present", "usual"]
    assert all(each.reason for each in one.forecasts), "there is no past yet"


def test_after_the_reset_nothing_is_used_and_that_is_reckoned() -> None:
    one = window(told([seen(1, 0.2, 5)], now=5))
    how = "its reset passed at 2026-11-22T14:00:00Z, and nothing was used since"
    assert (one.state, one.forecasts) == ("over", [])
    assert one.now == Reading(utilization=0.0, tokens=0, source="reckoned", how=how)
    assert one.said is not None
    assert one.said.utilization == 0.2


def test_a_weekly_window_cannot_be_reckoned_from_tokens() -> None:
    one = window(told([seen(1, 0.2, 24, "7d_oi")], (25, 70), now=26), "7d_oi")
    assert (one.now.utilization, one.now.tokens, one.now.source) == (None, 70, "reckoned")
    assert "70 tokens were used since without a header" in one.now.how
    assert (one.model_scope, one.length_s, one.state) == ("oi", 7 * 86_400, "over")


def test_without_any_header_tokens_tell_of_five_hour_windows() -> None:
    one = window(told([], (0, 5), (1, 7), (6, 11), now=7, bare=6))
    assert (one.state, one.starts_at, one.resets_at, one.bounds, one.said) == ("open", at(6), at(11), "reckoned", None)
    assert (one.now.utilization, one.now.tokens, one.now.source) == (None, 11, "reckoned")
    assert "how many fill a window is not known" in one.now.how
    assert [(each.starts_at, each.ended_at, each.reading.tokens) for each in one.past] == [(at(0), at(5), 12)]


def test_a_reckoned_window_that_is_over_is_empty_and_past() -> None:
    one = window(told([], (0, 5), (6, 11), now=11))
    assert (one.state, one.now.utilization, one.now.tokens) == ("over", 0, 0)
    assert [each.starts_at for each in one.past] == [at(6), at(0)]
    assert told([], now=11).windows == []


def test_where_headers_stop_tokens_go_on_with_what_headers_taught() -> None:
    """Half of a window took 500 tokens; so 250 more are a quarter, give or take the header's rounding."""
    sightings = [seen(1, 0.5, 5)]
    one = window(told(sightings, (0, 500), (2, 250), now=3))
    assert (one.now.source, one.now.tokens, one.now.utilization) == ("reckoned", 250, 0.75)
    assert one.now.low is not None
    assert one.now.high is not None
    assert one.now.low < 0.75 < one.now.high < 0.76
    assert (one.now.request_id, one.now.seen_at) == (sightings[0].request_id, at(1))
    assert "990 to 1010 tokens fill a window, by 1 earlier ones with headers" in one.now.how
    assert one.said is not None
    assert one.said.utilization == 0.5
    following = window(told(sightings, (0, 500), (6, 250), now=7))
    assert (following.bounds, following.starts_at, following.now.utilization) == ("reckoned", at(6), 0.25)
    assert [each.reading.source for each in following.past] == ["header"]


def test_a_header_without_a_share_still_tells_bounds() -> None:
    one = window(told([seen(1, None, 5, status="rejected")], (0, 5), (2, 3), now=3))
    assert one.said is not None
    assert (one.said.utilization, one.said.how) == (None, "its headers tell no utilization")
    assert (one.said.seen_at, one.now, one.forecasts, one.warning) == (at(1), one.said, [], True)


def test_a_full_window_needs_no_forecast() -> None:
    assert window(told([seen(1, 1.02, 5)], now=2)).forecasts == []
    nameless = window(told([seen(1, 0.5, 5, "seven_day")], now=2), "seven_day")
    assert (nameless.forecasts, nameless.length_s, nameless.starts_at) == ([], None, None)


def test_gaps_between_headers_are_filled_by_tokens_as_far_as_the_next_header() -> None:
    """A reckoned window ends where the headers show that another one began."""
    sightings = [seen(1, 0.1, 5), seen(12, 0.2, 16)]
    one = window(told(sightings, (1, 10), (8, 20), (12, 30), now=13))
    assert (one.bounds, one.now.utilization) == ("header", 0.2)
    assert [(each.starts_at, each.ended_at, each.reading.source) for each in one.past] == [
        (at(8), at(11) - timedelta(minutes=10), "reckoned"),
        (at(0), at(5), "header"),
    ]


def test_a_request_just_before_a_window_began_it() -> None:
    """By a server whose clock is ahead of ours."""
    item = window(told([seen(0.5, 0.1, 5.05), seen(11, 0.2, 15)], (0, 10), (9.95, 10), now=12))
    assert [each.reading.source for each in item.past] == ["header"]
    early = window(told([seen(11, 0.2, 15)], (9.8, 10), now=12))
    assert [(each.starts_at, each.ended_at) for each in early.past] == [(at(9.8), at(10) - timedelta(minutes=10))]


def test_tokens_that_came_before_all_headers_fill_their_own_windows() -> None:
    one = window(told([seen(11, 0.2, 15), seen(17, 0.1, 21)], (3, 10), now=18))
    assert [(each.starts_at, each.reading.source) for each in one.past] == [(at(10), "header"), (at(3), "reckoned")]


def test_the_history_is_a_week_of_short_windows_and_eight_of_long_ones() -> None:
    short = [seen(24 * day + 1, 0.1, 24 * day + 5) for day in range(100)]
    long = [seen(24 * day + 1, 0.1, 24 * 7 * (day // 7 + 1), "7d") for day in range(100)]
    found = told([*short, *long], now=24 * 99 + 2)
    assert [len(window(found, name).history) for name in ("5h", "7d")] == [8 - 1, 56]
    assert [one.name for one in found.windows] == ["5h", "7d"]
    assert len(window(found).past) == MAX_PAST
    assert window(found).past[0].ended_at == at(24 * 98 + 5)


def test_a_forecast_comes_with_its_cases() -> None:
    weeks = [seen(168 * week + hour / 2, hour / 20, 168 * week + 5) for week in range(9) for hour in range(9)]
    (present, usual) = window(told(weeks[:-6], now=168 * 8 + 1)).forecasts
    assert (usual.cases, usual.full, usual.likely, usual.reason) == (8, 0, None, "")
    assert present.per_hour is not None


def test_overage_and_the_account_as_a_whole() -> None:
    facts = {"in-use": "true", "disabled-reason": "out_of_credits"}
    old = of_kind("overage", 1, status="rejected")
    new = of_kind("overage", 2, status="allowed", utilization=0.3, resets_at=at(9), facts=facts, unknown={"x": "y"})
    overall = of_kind("overall", 2, status="allowed", facts={"fallback": "available"}, malformed=("reset",))
    found = told([new, old, overall, seen(2, None, 5, malformed=("utilization",))], now=3)
    assert found.overage is not None
    assert found.overall is not None
    assert (found.overage.status, found.overage.in_use, found.overage.disabled_reason) == (
        "allowed",
        True,
        "out_of_credits",
    )
    assert (found.overage.utilization, found.overage.seen_at) == (0.3, at(2))
    assert (found.overall.status, found.overall.facts) == ("allowed", {"fallback": "available"})
    assert found.unknown == {"overage-x": "y"}
    assert found.malformed == ["reset", "5h-utilization"]
    unsaid = told([old], now=3)
    assert unsaid.overage is not None
    assert (unsaid.overage.in_use, unsaid.overall, unsaid.key_limits) == (None, None, [])


def test_the_limits_of_an_api_key() -> None:
    said = {"limit": "4000", "remaining": "3999"}
    found = told([of_kind("key", 1, "requests", facts=said, resets_at=at(2)), of_kind("key", 1, "tokens")], now=3)
    place = {"request_id": of_kind("key", 1).request_id, "seen_at": at(1)}
    assert found.key_limits == [
        KeyLimitItem(name="requests", limit=4000, remaining=3999, resets_at=at(2), **place),
        KeyLimitItem(name="tokens", limit=None, remaining=None, resets_at=None, **place),
    ]


def test_the_newest_counts_in_whatever_order_sightings_are_read() -> None:
    kinds: list[GaugeKind] = ["window", "overall", "overage", "key"]
    seen_once = [of_kind(kind, hour, "5h", status=f"{hour}") for kind in kinds for hour in (1, 2, 3)]
    with_resets = [*seen_once, *(seen(hour, hour / 10, 5, "7d") for hour in (1, 2, 3))]
    expected = told(with_resets, (1, 7), now=4)
    assert expected.overall is not None
    assert (expected.overall.status, window(expected, "7d").now.utilization) == ("3", 0.3)
    for turned in range(len(with_resets)):
        assert told([*with_resets[turned:], *with_resets[:turned]], (1, 7), now=4) == expected
    assert told(with_resets[::-1], (1, 7), now=4) == expected


@given(st.integers(0, 2**32))
@settings(max_examples=scaled(20, 1000), deadline=None)
def test_an_account_is_what_the_plain_way_makes_of_it(seed: int) -> None:
    """Sightings in columns, idle moments stepped over, and nothing made that is not shown: the answer is the same."""
    sightings, uses = lived(Random(seed), START)
    known = Known(account="acme", sightings=sightings, bare_at=None, use=TokenUse(uses))
    found = account_windows(known, START)
    assert found.windows == window_items(sightings, uses, START)
    newest = {one.gauge.name: one for one in sorted(sightings, key=lambda one: one[:2])}
    apart = replace(known, sightings=list(newest.values()), tracks=tracks_of(sightings))
    assert account_windows(apart, START) == found
    assert account_windows(apart, START, history=False) == without_history(found)


def test_lives_have_what_they_are_for() -> None:
    """Or the test above would show little."""
    items = [one for seed in range(24) for one in window_items(*lived(Random(seed), START), START)]
    forecasts = [each for one in items for each in one.forecasts]
    assert {one.state for one in items} == {"open", "over"}
    assert {one.bounds for one in items} == {"header", "reckoned"}
    assert {each.pace for each in forecasts if each.level is not None} == {"present", "usual"}
    assert any(each.full for each in forecasts)
    assert any(len(one.past) == MAX_PAST for one in items)
    assert any(one.now.source == "reckoned" and one.said and one.state == "open" for one in items)
    assert {each.reading.source for one in items if one.name == "5h" for each in one.past} == {"header", "reckoned"}
