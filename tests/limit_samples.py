"""Windows and limits as the read API gives them: every member has a believable default."""

from datetime import datetime, timedelta
from typing import Any

from schemas.limits_api import AccountWindows, ForecastItem, KeyLimitItem, PastWindow, PointItem, Reading, WindowItem
from tests.read_rows import START, request_id

NOW = START + timedelta(hours=2)
OPENED = START - timedelta(hours=1)
RESET = OPENED + timedelta(hours=5)


def reading(utilization: float | None = 0.62, **changes: Any) -> Reading:
    members: dict[str, Any] = {
        "utilization": utilization,
        "source": "header",
        "how": "the newest header",
        "request_id": request_id(7),
        "seen_at": NOW - timedelta(minutes=3),
    }
    return Reading(**(members | changes))


def point(hours: float, utilization: float, number: int = 7) -> PointItem:
    """``hours`` after the window opened."""
    return PointItem(at=OPENED + timedelta(hours=hours), utilization=utilization, request_id=request_id(number))


def past(ended_at: datetime = OPENED, **changes: Any) -> PastWindow:
    members: dict[str, Any] = {
        "starts_at": ended_at - timedelta(hours=5),
        "ended_at": ended_at,
        "reading": reading(0.4),
        "status": "allowed",
    }
    return PastWindow(**(members | changes))


def forecast(**changes: Any) -> ForecastItem:
    members: dict[str, Any] = {
        "pace": "present",
        "likely": NOW + timedelta(minutes=70),
        "earliest": NOW + timedelta(minutes=40),
        "latest": NOW + timedelta(minutes=110),
        "level": 0.8,
        "cases": 24,
        "full": 20,
        "per_hour": 0.3,
        "reason": "",
    }
    return ForecastItem(**(members | changes))


def window_item(**changes: Any) -> WindowItem:
    members: dict[str, Any] = {
        "name": "5h",
        "model_scope": None,
        "length_s": 5 * 3600,
        "state": "open",
        "starts_at": OPENED,
        "resets_at": RESET,
        "bounds": "header",
        "said": reading(),
        "now": reading(),
        "status": "allowed",
        "warning": False,
        "threshold": None,
        "forecasts": [forecast()],
        "history": [point(0.5, 0.2, 1), point(2, 0.62, 2)],
        "past": [],
    }
    return WindowItem(**(members | changes))


def key_limit(**changes: Any) -> KeyLimitItem:
    members: dict[str, Any] = {
        "name": "tokens",
        "limit": 1000,
        "remaining": 250,
        "resets_at": NOW + timedelta(minutes=1),
        "request_id": request_id(9),
        "seen_at": NOW,
    }
    return KeyLimitItem(**(members | changes))


def account_windows(**changes: Any) -> AccountWindows:
    members: dict[str, Any] = {
        "account": "acme",
        "headers_at": NOW - timedelta(minutes=3),
        "bare_at": None,
        "overall": None,
        "overage": None,
        "windows": [window_item()],
        "key_limits": [],
        "unknown": {},
        "malformed": [],
    }
    return AccountWindows(**(members | changes))


def without_history(one: AccountWindows) -> AccountWindows:
    """As it is told to who asks for no history."""
    windows = [window.model_copy(update={"history": [], "past": []}) for window in one.windows]
    return one.model_copy(update={"windows": windows})
