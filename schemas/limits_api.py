"""What does the read API answer of windows and limits? The shapes of its JSON.

Every value says where it comes from: ``header`` (an answer said so: which, and when) or ``reckoned`` (and how).
Shares are 0 to 1; beyond 1 where use goes on beyond the plan.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from schemas.read_api import Answer

Source = Literal["header", "reckoned"]


class Reading(Answer):
    """How full a window is."""

    utilization: float | None
    """Null: not known; then ``how`` says why."""
    low: float | None = None
    """Of a reckoned one, the range with ``high``."""
    high: float | None = None
    tokens: int | None = None
    """Used in it, input, output and both kinds of cache; null: not counted."""
    source: Source
    how: str
    request_id: UUID | None = None
    """Of a header: whose answer said so. Of a reckoned one: the answer that it starts from, if there is one."""
    seen_at: datetime | None = None
    """When that answer came."""


class ForecastItem(Answer):
    """When a window will be full. A moment that is null: not before its reset."""

    pace: Literal["present", "usual"]
    likely: datetime | None
    earliest: datetime | None
    latest: datetime | None
    level: float | None
    """Probability of the range, 0.8 or what few cases allow; null: there is no forecast, and ``reason`` says why."""
    cases: int
    """Earlier moments it rests on."""
    full: int
    """How many of them were full before the reset."""
    per_hour: float | None
    """The present pace, as a share of the window."""
    reason: str


@dataclass(frozen=True, slots=True)
class PointItem:
    """How full a window was, as a header said. No model, as an answer may hold thousands of them."""

    at: datetime
    utilization: float
    request_id: UUID


class PastWindow(Answer):
    """A window that is over."""

    starts_at: datetime | None
    ended_at: datetime
    reading: Reading
    """The last one."""
    status: str | None


class WindowItem(Answer):
    """A window: the present one, or the last that was seen."""

    name: str
    """``5h``, ``7d``, ``7d_oi`` …"""
    model_scope: str | None
    """Counts some models alone; null: all."""
    length_s: int | None
    """Null: the name tells none."""
    state: Literal["open", "over"]
    """``over``: its reset has passed, and nothing of a next one is known."""
    starts_at: datetime | None
    resets_at: datetime
    bounds: Source
    """Whether start and reset come from headers."""
    said: Reading | None
    """The newest header's; null: none told of this window."""
    now: Reading
    """The same, or reckoned from it."""
    status: str | None
    warning: bool
    threshold: float | None
    """That the headers name as surpassed."""
    forecasts: list[ForecastItem]
    history: list[PointItem]
    past: list[PastWindow]
    """The newest first."""


class OverallItem(Answer):
    """What the newest answer with such headers said of the account as a whole."""

    status: str | None
    resets_at: datetime | None
    facts: dict[str, str]
    """``representative-claim``, ``fallback``, ``fallback-percentage``, ``upgrade-paths``."""
    request_id: UUID
    seen_at: datetime


class OverageItem(Answer):
    """Use beyond the plan, as the newest answer that told of it said."""

    status: str | None
    in_use: bool | None
    """Null: not said."""
    disabled_reason: str | None
    utilization: float | None
    resets_at: datetime | None
    request_id: UUID
    seen_at: datetime


class KeyLimitItem(Answer):
    """A limit of an API key, as the newest answer that told of it said."""

    name: str
    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    request_id: UUID
    seen_at: datetime


class AccountWindows(Answer):
    """All that is known of one account's windows and limits."""

    account: str
    """The account, else the scope, of its requests."""
    headers_at: datetime | None
    """When the newest answer with such headers came."""
    bare_at: datetime | None
    """When the newest answer without any came."""
    overall: OverallItem | None
    overage: OverageItem | None
    windows: list[WindowItem]
    key_limits: list[KeyLimitItem]
    unknown: dict[str, str]
    """Members of the newest headers that are not understood, as ``<gauge>-<member>``."""
    malformed: list[str]
    """Members of the newest headers that cannot be read."""


class WindowsAnswer(Answer):
    """Of ``GET /api/windows``."""

    as_of: datetime
    accounts: list[AccountWindows]
