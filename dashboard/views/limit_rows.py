"""How does a window or a limit read on a page? Rows of the read API in, what each line shows out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dashboard.formatting import one_line, percent
from dashboard.limit_figures import Ahead, History, Level
from schemas.limits_api import AccountWindows, ForecastItem, KeyLimitItem, PastWindow, WindowItem

Tone = Literal["good", "run", "bad"]
_NAMES = {timedelta(hours=5): "5-hour window", timedelta(days=7): "Weekly window"}
_STATUS = {
    "allowed": "allowed",
    "allowed_warning": "allowed, with a warning",
    "rejected": "rejected",
}
_PACES = {"present": "at the present pace", "usual": "at the usual pace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """What one pace leads to."""

    pace: str
    item: ForecastItem
    state: Literal["unknown", "not full", "full"]

    @property
    def cases(self) -> str:
        return f"{self.item.full} of {self.item.cases} like moments were full before the reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """One window of an account."""

    item: WindowItem
    title: str
    share: float | None
    """Now; None: not known."""
    width: float
    """Percent of the bar."""
    spread: tuple[float, float] | None
    """Of a reckoned share: where the range begins, and how wide it is, in percent of the bar."""
    tone: Tone
    status: str
    """Empty: none was said."""
    forecasts: Sequence[ForecastRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One limit of an API key."""

    item: KeyLimitItem
    used: float | None
    """Share; None: not said."""
    tone: Tone


def window_row(item: WindowItem) -> WindowRow:
    share = 0.0 if item.state == "over" and item.now.utilization is None else item.now.utilization
    return WindowRow(
        item=item,
        title=window_title(item),
        share=share,
        width=round(100 * min(share or 0.0, 1.0), 2),
        spread=_spread(item),
        tone=_tone(item, share),
        status="over" if item.state == "over" else _STATUS.get(item.status or "", item.status or ""),
        forecasts=[] if item.state == "over" else [_forecast(one) for one in item.forecasts],
    )


def window_title(item: WindowItem) -> str:
    length = None if item.length_s is None else timedelta(seconds=item.length_s)
    title = _NAMES.get(length, item.name) if length is not None else item.name
    return f"{title}, {item.model_scope} alone" if item.model_scope else title


def key_row(item: KeyLimitItem) -> KeyRow:
    if not item.limit or item.remaining is None:
        return KeyRow(item=item, used=None, tone="good")
    used = min(1.0, max(0.0, 1 - item.remaining / item.limit))
    return KeyRow(item=item, used=used, tone="bad" if item.remaining <= 0 else "good")


def tightest(limits: Sequence[KeyLimitItem]) -> str:
    """The one that is used most, in words; empty: none says how much."""
    rows = [(row.used, row.item.name) for row in map(key_row, limits) if row.used is not None]
    used, name = max(rows, default=(0.0, ""))
    return f"{one_line(name, 40)} {percent(used, 1)} used" if name else ""


def in_order(accounts: Sequence[AccountWindows]) -> list[AccountWindows]:
    """Those whose headers tell of windows first, else as they come."""
    return sorted(accounts, key=lambda one: not any(window.said for window in one.windows))


def chosen_window(account: AccountWindows, name: str) -> WindowItem | None:
    """The one with this name, else the one that tells most of its past; None: there is none."""
    named = [one for one in account.windows if one.name == name]
    told = sorted(account.windows, key=lambda one: (one.state == "over", one.length_s or 0, one.name))
    return next(iter([*named, *told]), None)


def history_of(window: WindowItem, now: datetime) -> History:
    """What the chart shows of it: what headers said, and past windows that are reckoned."""
    said = [Level(at=one.at, share=one.utilization, request_id=one.request_id) for one in window.history]
    reckoned = [_reckoned(one) for one in window.past if one.reading.source == "reckoned"]
    levels = sorted([*said, *(one for one in reckoned if one is not None)], key=lambda one: one.at)
    resets = sorted({one.ended_at for one in window.past} | {window.resets_at})
    return History(levels=levels, resets=resets, now=now, ahead=_ahead(window, now))


def _reckoned(past: PastWindow) -> Level | None:
    if past.starts_at is None or past.reading.utilization is None:
        return None
    return Level(at=past.starts_at, share=past.reading.utilization, request_id=None, until=past.ended_at)


def _ahead(window: WindowItem, now: datetime) -> Ahead | None:
    present = next((one for one in window.forecasts if one.pace == "present"), None)
    share = window.now.utilization
    if window.state == "over" or present is None or present.earliest is None or share is None:
        return None
    return Ahead(
        earliest=max(now, present.earliest), latest=present.latest, resets_at=max(now, window.resets_at), share=share
    )


def _forecast(item: ForecastItem) -> ForecastRow:
    state: Literal["unknown", "not full", "full"] = "full"
    if item.level is None:
        state = "unknown"
    elif item.earliest is None:
        state = "not full"
    return ForecastRow(pace=_PACES[item.pace], item=item, state=state)


def _spread(item: WindowItem) -> tuple[float, float] | None:
    low, high = item.now.low, item.now.high
    if low is None or high is None:
        return None
    start, end = 100 * min(low, 1.0), 100 * min(high, 1.0)
    return round(start, 2), round(end - start, 2)


def _tone(item: WindowItem, share: float | None) -> Tone:
    if item.state == "over":
        return "good"
    if item.status == "rejected" or (share is not None and share >= 1):
        return "bad"
    return "run" if item.warning else "good"
