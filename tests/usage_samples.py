"""What was used, as the read API gives it: every member has a believable default."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.billing import Tariff
from domain.usage_sums import COUNTS, UsagePoint, UsageSeries
from schemas.usage_api import UsageAnswer, UsageFigures, UsageItem, UsageTokens
from tests.read_rows import START


@dataclass(frozen=True)
class UsageRow:
    """A sum, with all that is known of it."""

    bucket: datetime | None
    priced_on: date | None
    group: tuple[Any, ...]
    subscription: bool
    rest: bool
    tariff: Tariff
    counts: dict[str, int]


def rows_in(found: Iterable[UsageSeries]) -> list[UsageRow]:
    return [
        UsageRow(
            point.bucket, point.priced_on, one.group, one.subscription, one.rest, one.tariff,
            dict(zip(COUNTS, point.counts, strict=True)),
        )
        for one in found
        for point in one.points
    ]  # fmt: skip


def usage_series(model: str = "claude-opus-4-8", **changes: Any) -> UsageSeries:
    """Of one point; ``changes``: its counts, when it was, and what is told of it."""
    counts = tuple(changes.pop(name, 0) for name in COUNTS)
    point = UsagePoint(changes.pop("bucket", None), changes.pop("priced_on", date(2026, 1, 1)), counts)
    members: dict[str, Any] = {"group": (False,), "tariff": Tariff(model=model), "points": [point]}
    return UsageSeries(**members | changes)


SINCE = START.replace(hour=0, minute=0) - timedelta(days=6)


def usage_figures(**changes: Any) -> UsageFigures:
    return UsageFigures(**{name: getattr(usage_item(), name) for name in UsageFigures.model_fields} | changes)


def usage_item(bucket: datetime | None = None, *, label: str = "", **changes: Any) -> UsageItem:
    members: dict[str, Any] = {
        "group": {"model": "claude-opus-4-5"},
        "label": label or "claude-opus-4-5",
        "bucket": bucket,
        "requests": 4,
        "failed": 1,
        "aborted": 0,
        "tokens": UsageTokens(input=100, output=50, cache_read=800, cache_write_5m=60, cache_write_1h=40),
        "web_searches": 0,
        "cost_usd": Decimal("0.50"),
        "unpriced_tokens": 0,
        "unpriced": [],
    }
    return UsageItem(**(members | changes))


def usage_answer(*items: UsageItem, other: tuple[UsageItem, ...] = (), **changes: Any) -> UsageAnswer:
    every = [*items, *other]
    costs = [one.cost_usd for one in every if one.cost_usd is not None]
    total = usage_item(
        group={},
        requests=sum(one.requests for one in every),
        unrecorded=sum(one.unrecorded for one in every),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        unpriced_tokens=sum(one.unpriced_tokens for one in every),
        unpriced=[reason for one in every for reason in one.unpriced],
        api_equivalent=any(one.api_equivalent for one in every),
    )
    members: dict[str, Any] = {
        "since": SINCE,
        "until": SINCE + timedelta(days=7),
        "bucket": "none",
        "tz": "UTC",
        "group_by": ["model"],
        "assumed": [],
        "total": total,
    }
    return UsageAnswer(**(members | {"items": list(items), "other": list(other)} | changes))
