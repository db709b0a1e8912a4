"""What does usage amount to, in tokens and in money? Sums of the read model and what people said, put together; pure.

Money is reckoned here, from sums that are kept apart by all that a price depends on: so a price that is corrected
changes what everything has cost, at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, get_args
from uuid import UUID

from dashboard.told import Sayings
from domain.billing import BilledLine
from domain.costs import cost_of
from domain.prices import PriceBook, Priced, total
from domain.usage_ranges import Bucket
from domain.usage_sums import Dimension, UsageFilter, UsageQuestion, UsageRow
from domain.what_if import WhatIf, assumed
from schemas.usage_api import UsageAnswer, UsageItem, UsageTokens

By = Literal[
    "account", "key", "user", "project", "model", "class", "agent_type", "conversation", "branch", "client_domain",
    "scope", "service_tier", "speed", "inference_geo", "long_context", "estimated",
]  # fmt: skip
BYS: tuple[By, ...] = get_args(By)
"""What usage can be told apart by, and chosen by."""
_DIMENSIONS: Mapping[By, tuple[Dimension, ...]] = MappingProxyType(
    {
        "account": ("account",),
        "key": ("key_id",),
        "user": ("key_id", "device"),
        "project": ("project",),
        "model": ("model",),
        "class": ("request_class",),
        "agent_type": ("agent_type",),
        "conversation": ("conversation_id",),
        "branch": ("branch_id",),
        "client_domain": ("client_domain",),
        "scope": ("scope",),
        "service_tier": ("service_tier",),
        "speed": ("speed",),
        "inference_geo": ("inference_geo",),
        "long_context": ("long_context",),
        "estimated": ("estimated",),
    }
)
"""Which dimensions of the read model each stands for."""
Value = str | bool | UUID
DEFAULT_LIMIT, MAX_LIMIT = 50, 1000
_KEY, _NAMELESS = "key:", "(none)"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What is asked."""

    since: datetime
    until: datetime
    bucket: Bucket = "none"
    zone: tzinfo = UTC
    group_by: tuple[By, ...] = ()
    wanted: Mapping[By, Value] = field(default_factory=dict)
    """By what is chosen; of what is not named, everything."""
    what_if: WhatIf = field(default_factory=WhatIf)
    limit: int = DEFAULT_LIMIT
    """So many groups are told apart; the rest is one."""


def question_of(query: UsageQuery, said: Sayings) -> UsageQuestion:
    """What the read model is asked for."""
    values: dict[Dimension, Sequence[Value]] = {}
    for by, value in query.wanted.items():
        values |= _chosen(by, value)
    grouped = [dimension for by in query.group_by for dimension in _DIMENSIONS[by]]
    return UsageQuestion(
        since=query.since,
        until=query.until,
        bucket=query.bucket,
        zone=query.zone,
        group_by=tuple(dict.fromkeys([*grouped, "account", "estimated"])),
        wanted=UsageFilter(values),
        price_days=_price_days(query.what_if, said),
    )


def _chosen(by: By, value: Value) -> dict[Dimension, Sequence[Value]]:
    """A user is a key, or else a device."""
    if by == "user" and isinstance(value, str):
        is_key = value.startswith(_KEY)
        return {"key_id": [value.removeprefix(_KEY)]} if is_key else {"key_id": [""], "device": [value]}
    return {_DIMENSIONS[by][0]: [value]}


def _price_days(what_if: WhatIf, said: Sayings) -> list[date] | None:
    books = [said.book, *([said.shipped] if what_if.shipped_prices else [])]
    return sorted({price.effective_from for book in books for price in book.prices} - {date.min})


@dataclass(slots=True)
class _Sum:
    """What is added up under one group and bucket."""

    rows: list[UsageRow] = field(default_factory=list)
    found: list[Priced] = field(default_factory=list)
    supposed: list[Priced] = field(default_factory=list)
    unpriced_tokens: int = 0
    reasons: dict[str, None] = field(default_factory=dict)
    estimated: bool = False
    api_equivalent: bool = False

    def take(self, other: "_Sum") -> None:
        self.rows += other.rows
        self.found += other.found
        self.supposed += other.supposed
        self.unpriced_tokens += other.unpriced_tokens
        self.reasons |= other.reasons
        self.estimated |= other.estimated
        self.api_equivalent |= other.api_equivalent

    @property
    def cost(self) -> Decimal | None:
        return cost_of(self.found)


_Group = tuple[Value | None, ...]


def answer_of(query: UsageQuery, rows: Iterable[UsageRow], said: Sayings) -> UsageAnswer:
    """Items of a bucket stand together, the oldest bucket first; in it, what cost most comes first."""
    question = question_of(query, said)
    sums: dict[tuple[_Group, datetime | None], _Sum] = {}
    for row in rows:
        named = dict(zip(question.group_by, row.group, strict=True))
        key = tuple(_value(by, named) for by in query.group_by), row.bucket
        _add(sums.setdefault(key, _Sum()), row, named, query.what_if, said)
    ranks = {group: rank for rank, group in enumerate(_ranked(sums))}
    shown = sorted(
        (key for key in sums if ranks[key[0]] < query.limit), key=lambda key: (_moment(key[1]), ranks[key[0]])
    )
    rest, everything = dict[datetime | None, _Sum](), _Sum()
    for (group, bucket), one in sums.items():
        everything.take(one)
        if ranks[group] >= query.limit:
            rest.setdefault(bucket, _Sum()).take(one)
    return UsageAnswer(
        since=query.since,
        until=query.until,
        bucket=query.bucket,
        tz=str(query.zone),
        group_by=list(query.group_by),
        assumed=list(query.what_if.words),
        items=[_item(query, sums[key], key[0], key[1], said) for key in shown],
        other=[_item(query, rest[bucket], None, bucket, said) for bucket in sorted(rest, key=_moment)],
        total=_item(query, everything, None, None, said),
    )


def _value(by: By, named: Mapping[Dimension, Value | None]) -> Value | None:
    if by == "user":
        return f"{_KEY}{named['key_id']}" if named["key_id"] else named["device"] or None
    value = named[_DIMENSIONS[by][0]]
    return None if value == "" else value


def _ranked(sums: Mapping[tuple[_Group, datetime | None], _Sum]) -> list[_Group]:
    """What cost most first; of what has no price, what used most."""
    costs, tokens = dict[_Group, list[Decimal]](), dict[_Group, int]()
    for (group, _), one in sums.items():
        costs.setdefault(group, []).append(one.cost or Decimal(0))
        tokens[group] = tokens.get(group, 0) + sum(_tokens([row]).all for row in one.rows)
    return sorted(costs, key=lambda group: (-total(costs[group]), -tokens[group], tuple(map(str, group))))


def _add(to: _Sum, row: UsageRow, named: Mapping[Dimension, Value | None], what_if: WhatIf, said: Sayings) -> None:
    line = BilledLine(
        tariff=row.tariff,
        tokens=row.tokens,
        estimated_output_tokens=row.estimated_output_tokens,
        web_searches=row.web_searches,
    )
    day = row.priced_on or date.min
    priced = said.book.price_of(line, day)
    used = _tokens([row]).all
    to.rows.append(row)
    to.estimated |= bool(named["estimated"])
    to.api_equivalent |= said.plans.get(str(named["account"])) == "subscription"
    if priced.amount is None:
        to.unpriced_tokens += used
        to.reasons[priced.reason] = None
    if priced.terms or row.requests or priced.amount is None:
        to.found.append(priced)
    if what_if.words:
        to.supposed.append(_book(what_if, said).price_of(assumed(line, what_if), what_if.on or day))


def _book(what_if: WhatIf, said: Sayings) -> PriceBook:
    return said.shipped if what_if.shipped_prices else said.book


def _item(query: UsageQuery, one: _Sum, group: _Group | None, bucket: datetime | None, said: Sayings) -> UsageItem:
    named = dict(zip(query.group_by, group, strict=True)) if group is not None else {}
    return UsageItem(
        group={str(by): value for by, value in named.items()},
        label=" · ".join(_label(by, value, said) for by, value in named.items()),
        bucket=bucket.astimezone(query.zone) if bucket is not None else None,
        requests=sum(row.requests for row in one.rows),
        failed=sum(row.failed for row in one.rows),
        aborted=sum(row.aborted for row in one.rows),
        tokens=_tokens(one.rows),
        web_searches=sum(row.web_searches for row in one.rows),
        cost_usd=one.cost,
        what_if_cost_usd=cost_of(one.supposed),
        unpriced_tokens=one.unpriced_tokens,
        unpriced=list(one.reasons),
        estimated=one.estimated,
        api_equivalent=one.api_equivalent,
    )


def _label(by: By, value: Value | None, said: Sayings) -> str:
    if value is None:
        return _NAMELESS
    text = str(value)
    if by == "project":
        return said.project_labels.get(text, text)
    if by == "key" or (by == "user" and text.startswith(_KEY)):
        key = text.removeprefix(_KEY)
        return said.key_names.get(key, key)
    return text


def _tokens(rows: Iterable[UsageRow]) -> UsageTokens:
    kept = list(rows)
    return UsageTokens(
        input=sum(row.tokens.input_tokens for row in kept),
        output=sum(row.tokens.output_tokens for row in kept),
        estimated_output=sum(row.estimated_output_tokens for row in kept),
        thinking=sum(row.thinking_tokens for row in kept),
        cache_read=sum(row.tokens.cache_read_tokens for row in kept),
        cache_write_5m=sum(row.tokens.cache_write_5m_tokens for row in kept),
        cache_write_1h=sum(row.tokens.cache_write_1h_tokens for row in kept),
    )


def _moment(bucket: datetime | None) -> datetime:
    return bucket or datetime.min.replace(tzinfo=UTC)
