"""What is known of one account's windows and limits now? Headers and tokens put together, each with its source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.forecast import Climb, Forecast, Outlook, at_present_pace, at_usual_pace
from domain.moments import micros_at, micros_in, moment_at
from domain.rate_limits import Gauge, GaugeKind
from domain.reckoned_windows import Capacity, ReckonedWindow, TokenUse, capacity_of, share_of
from domain.windows import (
    FIVE_HOURS,
    Sighting,
    Track,
    Window,
    by_place,
    length_of,
    model_scope_of,
    points_of,
    tracks_of,
    windows_on,
)
from schemas.limits_api import (
    AccountWindows,
    ForecastItem,
    KeyLimitItem,
    OverageItem,
    OverallItem,
    PastWindow,
    PointItem,
    Reading,
    WindowItem,
)

FIVE = "5h"
"""The one window that tokens tell of."""
SHORT_HISTORY, LONG_HISTORY = timedelta(days=7), timedelta(weeks=8)
"""Of points: of windows shorter than a day, and of the others."""
MAX_PAST = 60
SKEW = timedelta(minutes=10)
"""So much the server's clock may be ahead: what was used just before a window that headers tell of belongs to it."""
_SAID = "said by the headers of that answer"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an account."""

    account: str
    sightings: Sequence[Sighting]
    """Of each gauge the newest, or more."""
    tracks: Sequence[Track] | None = None
    """All sightings of windows in columns; None: those among ``sightings``."""
    bare_at: datetime | None
    """When the newest answer without such headers came."""
    use: TokenUse


def account_windows(known: Known, now: datetime, *, history: bool = True) -> AccountWindows:
    """``history`` False: windows without their points and without those before them."""
    newest = _newest(known.sightings)
    gauges = [one.gauge for one in newest]
    return AccountWindows(
        account=known.account,
        headers_at=max((one.seen_at for one in newest), default=None),
        bare_at=known.bare_at,
        overall=next((_overall(one) for one in newest if one.gauge.kind == "overall"), None),
        overage=next((_overage(one) for one in newest if one.gauge.kind == "overage"), None),
        windows=_window_items(known, now, history=history),
        key_limits=[_key_limit(one) for one in newest if one.gauge.kind == "key"],
        unknown={_member(gauge, name): value for gauge in gauges for name, value in gauge.unknown.items()},
        malformed=[_member(gauge, name) for gauge in gauges for name in gauge.malformed],
    )


def _newest(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Of each gauge."""
    found = dict[tuple[GaugeKind, str], Sighting]()
    for one in sorted(sightings, key=by_place):
        found[one.gauge.kind, one.gauge.name] = one
    return [found[key] for key in sorted(found)]


def _member(gauge: Gauge, name: str) -> str:
    return "-".join(filter(None, (gauge.name or ("overage" if gauge.kind == "overage" else ""), name)))


def _overall(one: Sighting) -> OverallItem:
    gauge = one.gauge
    return OverallItem(
        status=gauge.status,
        resets_at=gauge.resets_at,
        facts=dict(gauge.facts),
        request_id=one.request_id,
        seen_at=one.seen_at,
    )


def _overage(one: Sighting) -> OverageItem:
    gauge = one.gauge
    return OverageItem(
        status=gauge.status,
        in_use={"true": True, "1": True, "false": False, "0": False}.get(gauge.facts.get("in-use", "")),
        disabled_reason=gauge.facts.get("disabled-reason"),
        utilization=gauge.utilization,
        resets_at=gauge.resets_at,
        request_id=one.request_id,
        seen_at=one.seen_at,
    )


def _key_limit(one: Sighting) -> KeyLimitItem:
    facts = one.gauge.facts
    return KeyLimitItem(
        name=one.gauge.name,
        limit=int(facts["limit"]) if "limit" in facts else None,
        remaining=int(facts["remaining"]) if "remaining" in facts else None,
        resets_at=one.gauge.resets_at,
        request_id=one.request_id,
        seen_at=one.seen_at,
    )


def _window_items(known: Known, now: datetime, *, history: bool) -> list[WindowItem]:
    tracks = tracks_of(known.sightings) if known.tracks is None else known.tracks
    windows = {track.name: windows_on(track) for track in tracks}
    asked = _Asked(known.use, now, history)
    items = {name: _Picture(found, asked).item() for name, found in windows.items() if name != FIVE}
    five = _FiveHours(windows.get(FIVE, ()), asked).latest()
    if five is not None:
        items[FIVE] = five
    return [items[name] for name in sorted(items, key=lambda name: (length_of(name) or timedelta.max, name))]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What each window is told from, and whether with its history."""

    use: TokenUse
    now: datetime
    history: bool


class _Picture:
    """A window as headers told of it; the windows are all of one name, the present one last."""

    def __init__(self, windows: Sequence[Window], asked: _Asked) -> None:
        self._windows, self._use, self._now, self._with_history = windows, asked.use, asked.now, asked.history

    def item(self) -> WindowItem:
        window, said = self._windows[-1], _said(self._windows[-1])
        length = length_of(window.name)
        over = window.is_over(self._now)
        now = self._after_reset(window) if over else self._since(window, said)
        return WindowItem(
            name=window.name,
            model_scope=model_scope_of(window.name),
            length_s=int(length.total_seconds()) if length else None,
            state="over" if over else "open",
            starts_at=window.starts_at,
            resets_at=window.resets_at,
            bounds="header",
            said=said,
            now=now,
            status=window.status,
            warning=window.warned,
            threshold=window.newest.gauge.threshold,
            forecasts=[] if over else self._forecasts(window, now),
            history=self._history(length),
            past=self._past(),
        )

    def _past(self) -> list[PastWindow]:
        return [_past(one) for one in self._before()]

    def _before(self) -> Sequence[Window]:
        """The windows before this one, the last first, so many as are shown."""
        return self._windows[-2 : -2 - MAX_PAST : -1] if self._with_history else ()

    def _since(self, window: Window, said: Reading) -> Reading:  # noqa: ARG002 - the five-hour window knows more
        return said

    def _after_reset(self, window: Window) -> Reading:
        reset = f"its reset passed at {_text(window.ended_at)}"
        tokens = self._use.after(window.ended_at, self._now)
        if tokens:
            how = f"{reset}; {tokens} tokens were used since without a header, which do not tell how full they make it"
            return Reading(utilization=None, tokens=tokens, source="reckoned", how=how)
        return Reading(utilization=0.0, tokens=0, source="reckoned", how=f"{reset}, and nothing was used since")

    def _forecasts(self, window: Window, now: Reading) -> list[ForecastItem]:
        length = length_of(window.name)
        if length is None or now.utilization is None or now.utilization >= 1:
            return []
        outlook = Outlook(self._now, window.resets_at, length, now.utilization)
        climb = Climb(self._windows)
        return [_forecast(made(climb, outlook)) for made in (at_present_pace, at_usual_pace)]

    def _history(self, length: timedelta | None) -> list[PointItem]:
        if not self._with_history:
            return []
        short = length is not None and length < _DAY
        since = micros_at(self._now - (SHORT_HISTORY if short else LONG_HISTORY))
        return points_of(self._windows, since)


class _FiveHours(_Picture):
    """The five-hour window: where headers are missing, tokens tell."""

    def __init__(self, windows: Sequence[Window], asked: _Asked) -> None:
        super().__init__(windows, asked)
        self._capacity = capacity_of(windows, asked.use)
        self._unseen = _unseen(windows, asked.use)
        self._latest = self._unseen[-1] if self._unseen else None
        """The present one, where tokens tell of it alone."""
        if self._latest is not None and windows and self._latest.starts_at < windows[-1].ended_at:
            self._latest = None

    def latest(self) -> WindowItem | None:
        """None: nothing is known of any."""
        if self._latest is not None:
            return self._reckoned(self._latest)
        return self.item() if self._windows else None

    def _past(self) -> list[PastWindow]:
        return self._newest_first(self._before(), self._unseen)

    def _newest_first(self, said: Sequence[Window], reckoned: Sequence[ReckonedWindow]) -> list[PastWindow]:
        if not self._with_history:
            return []
        known: list[Window | ReckonedWindow] = [*said, *reckoned]
        newest = sorted(known, key=_end, reverse=True)[:MAX_PAST]
        return [_past(one) if isinstance(one, Window) else _past_reckoned(one, self._capacity) for one in newest]

    def _reckoned(self, window: ReckonedWindow) -> WindowItem:
        over = window.ends_at <= self._now
        nothing = f"five hours from its first request passed at {_text(window.ends_at)}, and nothing was used since"
        now = (
            Reading(utilization=0.0, tokens=0, source="reckoned", how=nothing)
            if over
            else _reading(window, self._capacity)
        )
        return WindowItem(
            name=FIVE,
            model_scope=None,
            length_s=int(FIVE_HOURS.total_seconds()),
            state="over" if over else "open",
            starts_at=window.starts_at,
            resets_at=window.ends_at,
            bounds="reckoned",
            said=None,
            now=now,
            status=None,
            warning=False,
            threshold=None,
            forecasts=[],
            history=self._history(FIVE_HOURS),
            past=self._newest_first(self._windows, self._unseen if over else self._unseen[:-1]),
        )

    def _since(self, window: Window, said: Reading) -> Reading:
        """What was used since the newest header, on top of it."""
        tokens = self._use.after(window.newest.seen_at, self._now)
        if not tokens or self._capacity is None or said.utilization is None:
            return said
        share = share_of(tokens, self._capacity)
        how = f"the newest header's share, and {tokens} tokens that were used since; {_capacity_text(self._capacity)}"
        return Reading(
            utilization=said.utilization + share.likely,
            low=said.utilization + share.low,
            high=said.utilization + share.high,
            tokens=tokens,
            source="reckoned",
            how=how,
            request_id=said.request_id,
            seen_at=said.seen_at,
        )


def _unseen(windows: Sequence[Window], use: TokenUse) -> list[ReckonedWindow]:
    """Windows of the tokens that were used outside of all windows that headers told of."""
    bounds = sorted((one.start - micros_in(SKEW), one.end) for one in windows if one.start is not None)
    since = use.begins
    if since is None:
        return []
    found = list[ReckonedWindow]()
    for start, end in bounds:
        if since < start:
            found += use.windows(moment_at(since), moment_at(start))
        since = max(since, end)
    return found + use.windows(moment_at(since))


def _said(window: Window) -> Reading:
    if not window.seen:
        newest, how = window.newest, "its headers tell no utilization"
        return Reading(utilization=None, source="header", how=how, request_id=newest.request_id, seen_at=newest.seen_at)
    return Reading(
        utilization=window.shares[-1],
        source="header",
        how=_SAID,
        request_id=window.track.evidence.whose(window.places[-1:])[0],
        seen_at=moment_at(window.seen[-1]),
    )


def _end(window: Window | ReckonedWindow) -> datetime:
    return window.ended_at if isinstance(window, Window) else window.ends_at


def _past(window: Window) -> PastWindow:
    return PastWindow(
        starts_at=window.starts_at,
        ended_at=window.ended_at,
        reading=_said(window),
        status=window.status,
    )


def _past_reckoned(window: ReckonedWindow, capacity: Capacity | None) -> PastWindow:
    reading = _reading(window, capacity)
    return PastWindow(starts_at=window.starts_at, ended_at=window.ends_at, reading=reading, status=None)


def _reading(window: ReckonedWindow, capacity: Capacity | None) -> Reading:
    how = "tokens used in five hours from the first request after the window before"
    if capacity is None:
        how = f"{how}; how many fill a window is not known"
        return Reading(utilization=None, tokens=window.tokens, source="reckoned", how=how)
    share = share_of(window.tokens, capacity)
    return Reading(
        utilization=share.likely,
        low=share.low,
        high=share.high,
        tokens=window.tokens,
        source="reckoned",
        how=f"{how}; {_capacity_text(capacity)}",
    )


def _capacity_text(capacity: Capacity) -> str:
    span = f"{round(capacity.low)} to {round(capacity.high)} tokens"
    return f"{span} fill a window, by {capacity.windows} earlier ones with headers"


def _forecast(one: Forecast) -> ForecastItem:
    return ForecastItem(
        pace=one.pace,
        likely=one.likely,
        earliest=one.earliest,
        latest=one.latest,
        level=one.level,
        cases=one.cases,
        full=one.full,
        per_hour=one.per_hour,
        reason=one.reason,
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
