"""What does the overview show? Answers of the store in, tiles, bars and short rankings out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from urllib.parse import urlencode

from dashboard.states import state_of
from dashboard.usage import By
from dashboard.views.limit_rows import WindowRow, window_row
from dashboard.views.usage_rows import label_of
from domain.overview import Against, against
from schemas.limits_api import AccountWindows
from schemas.read_api import RequestItem
from schemas.usage_api import UsageAnswer, UsageItem

Unit = Literal["money", "count", "tokens"]
SPENDERS: Mapping[By, str] = {"project": "Projects", "user": "Users", "model": "Models", "agent_type": "Agent types"}
HOURS = 24
FAILURES, WINDOWS = 5, 4


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of today beside what is usual."""

    title: str
    unit: Unit
    found: Against


@dataclass(frozen=True, slots=True)
class Hour:
    """One bar."""

    start: datetime
    requests: int
    cost: Decimal | None
    height: float
    """Percent of the highest."""


@dataclass(frozen=True, slots=True)
class Spender:
    """One line of a ranking."""

    label: str
    item: UsageItem
    link: str | None
    """To its usage of today."""


@dataclass(frozen=True, slots=True)
class NearLimit:
    """A window that is fuller than others."""

    account: str
    row: WindowRow


def tiles(today: UsageItem, before: Sequence[UsageItem]) -> list[Tile]:
    used = [day for day in before if day.requests]
    return [
        Tile("Cost", "money", against(today.cost_usd or Decimal(0), [day.cost_usd for day in used])),
        Tile("Requests", "count", against(today.requests, [day.requests for day in used])),
        Tile("Tokens", "tokens", against(today.tokens.all, [day.tokens.all for day in used])),
        Tile("Failed", "count", against(today.failed, [day.failed for day in used])),
    ]


def hours(answer: UsageAnswer, midnight: datetime) -> list[Hour]:
    """All of the day, those to come too; as high as they had requests."""
    found = {item.bucket: item for item in answer.items}
    highest = max((item.requests for item in answer.items), default=0)
    starts = [midnight + timedelta(hours=hour) for hour in range(HOURS)]
    return [_hour(start, found.get(start), highest) for start in starts]


def _hour(start: datetime, item: UsageItem | None, highest: int) -> Hour:
    if item is None:
        return Hour(start, 0, None, 0.0)
    return Hour(start, item.requests, item.cost_usd, round(100 * item.requests / highest, 1) if highest else 0.0)


def spenders(answer: UsageAnswer, by: By) -> list[Spender]:
    """Those that used anything, the one that cost most first."""
    return [Spender(label_of(item, by), item, _link(item, by)) for item in answer.items if item.requests]


def _link(item: UsageItem, by: By) -> str | None:
    value = item.group.get(by)
    return None if value is None else f"/usage?{urlencode({'range': 'today', by: str(value)})}"


def failures(items: Sequence[RequestItem]) -> list[RequestItem]:
    """The newest that failed."""
    failed = [one for one in items if state_of(one.outcome, one.status, one.error_type) == "failed"]
    return failed[:FAILURES]


def near_limits(accounts: Sequence[AccountWindows]) -> list[NearLimit]:
    """Open windows of all accounts, the fullest first; what is not known is not near."""
    known = [
        NearLimit(account.account, window_row(window))
        for account in accounts
        for window in account.windows
        if window.state == "open"
    ]
    full = [near for near in known if near.row.share is not None]
    return sorted(full, key=lambda near: -(near.row.share or 0.0))[:WINDOWS]
