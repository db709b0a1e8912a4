"""What does usage amount to, in tokens and in money? Sums of the read model and what people said, put together; pure.

Money is reckoned here, from sums that are kept apart by all that a price depends on: so a price that is corrected
changes what everything has cost, at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, get_args
from uuid import UUID

from dashboard.told import Sayings
from domain.billing import BilledLine
from domain.costs import CostSum
from domain.prices import PriceBook, total
from domain.rate_cards import RateCards
from domain.usage_ranges import Bucket
from domain.usage_sums import Dimension, Kept, UsageFilter, UsageQuestion, UsageRow
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
UNFOLDED = timedelta(days=45)
"""Of a longer time, told apart by buckets, the read model adds up what nobody will see."""
_FOLDABLE: tuple[By, ...] = ("account", "key", "user", "project", "agent_type", "client_domain")
"""Of which there may be very many; all of text."""


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
        group_by=tuple(dict.fromkeys([*grouped, "estimated"])),
        wanted=UsageFilter(values),
        price_days=_price_days(query.what_if, said),
        subscriptions=[account for account, plan in said.plans.items() if plan == "subscription"],
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


_COUNTED = (
    "input", "output", "estimated_output", "cache_read", "cache_write_5m", "cache_write_1h",
    "thinking", "web_searches", "requests", "failed", "aborted",
)  # fmt: skip
"""As the answer names them; tokens that are billed each by itself come first."""
_BILLED = 6


@dataclass(slots=True)
class _Sum:
    """What is added up under one group and bucket."""

    counts: list[int] = field(default_factory=lambda: [0] * len(_COUNTED))
    """In the order of ``_COUNTED``."""
    found: CostSum = field(default_factory=CostSum)
    supposed: CostSum = field(default_factory=CostSum)
    unpriced_tokens: int = 0
    reasons: dict[str, None] = field(default_factory=dict)
    estimated: bool = False
    api_equivalent: bool = False

    def take(self, other: "_Sum") -> None:
        self.count(other.counts)
        self.found.take(other.found)
        self.supposed.take(other.supposed)
        self.unpriced_tokens += other.unpriced_tokens
        self.reasons |= other.reasons
        self.estimated |= other.estimated
        self.api_equivalent |= other.api_equivalent

    def count(self, counts: Sequence[int]) -> None:
        self.counts = [one + other for one, other in zip(self.counts, counts, strict=True)]

    @property
    def used(self) -> int:
        """Tokens; thinking is part of the output."""
        return _used(self.counts)


def _counts(row: UsageRow) -> tuple[int, ...]:
    """In the order of ``_COUNTED``."""
    tokens = row.tokens
    return (
        tokens.input_tokens,
        tokens.output_tokens,
        row.estimated_output_tokens,
        tokens.cache_read_tokens,
        tokens.cache_write_5m_tokens,
        tokens.cache_write_1h_tokens,
        row.thinking_tokens,
        row.web_searches,
        row.requests,
        row.failed,
        row.aborted,
    )


def _used(counts: Sequence[int]) -> int:
    return sum(counts[:_BILLED])


_Group = tuple[Value | None, ...]


def answer_of(query: UsageQuery, rows: Iterable[UsageRow], said: Sayings) -> UsageAnswer:
    """Items of a bucket stand together, the oldest bucket first; in it, what cost most comes first."""
    sums, rest = _summed(query, rows, said)
    ranks = {group: rank for rank, group in enumerate(_ranked(sums))}
    shown = sorted(
        (key for key in sums if ranks[key[0]] < query.limit), key=lambda key: (_moment(key[1]), ranks[key[0]])
    )
    everything = _Sum()
    for one in rest.values():
        everything.take(one)
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


def is_folded(query: UsageQuery) -> bool:
    """Whether to ask first which groups will be shown: there are many, in many buckets."""
    long = query.bucket != "none" and query.until - query.since > UNFOLDED
    return long and len(query.group_by) == 1 and query.group_by[0] in _FOLDABLE


def folded(query: UsageQuery, rows: Iterable[UsageRow], said: Sayings) -> UsageQuestion:
    """``rows``: of the same question in one bucket. What will be shown stays apart."""
    whole, kept = replace(query, bucket="none"), list(rows)
    question = question_of(whole, said)
    sums, _ = _summed(whole, kept, said)
    shown = set(_ranked(sums)[: query.limit])
    [by] = query.group_by
    names = _DIMENSIONS[by]
    values = dict[tuple[str, ...], None]()
    for row in kept:
        named = dict(zip(question.group_by, row.group, strict=True))
        if (_value(by, named),) in shown:
            values[tuple(str(named[name]) for name in names)] = None
    return replace(question_of(query, said), kept=Kept(names, list(values)))


_Sums = dict[tuple[_Group, datetime | None], _Sum]


def _summed(query: UsageQuery, rows: Iterable[UsageRow], said: Sayings) -> tuple[_Sums, dict[datetime | None, _Sum]]:
    """By group and bucket; and by bucket what the read model told as the rest."""
    names = question_of(query, said).group_by
    adding = _Adding(query.what_if, RateCards(said.book), RateCards(_book(query.what_if, said)))
    sums, rest = _Sums(), dict[datetime | None, _Sum]()
    for row in rows:
        named = dict(zip(names, row.group, strict=True))
        if row.rest:
            to = rest.setdefault(row.bucket, _Sum())
        else:
            to = sums.setdefault((tuple(_value(by, named) for by in query.group_by), row.bucket), _Sum())
        adding.add(to, row, estimated=bool(named["estimated"]))
    return sums, rest


def _value(by: By, named: Mapping[Dimension, Value | None]) -> Value | None:
    if by == "user":
        return f"{_KEY}{named['key_id']}" if named["key_id"] else named["device"] or None
    value = named[_DIMENSIONS[by][0]]
    return None if value == "" else value


def _ranked(sums: Mapping[tuple[_Group, datetime | None], _Sum]) -> list[_Group]:
    """What cost most first; of what has no price, what used most."""
    costs, tokens = dict[_Group, list[Decimal]](), dict[_Group, int]()
    for (group, _), one in sums.items():
        costs.setdefault(group, []).append(one.found.cost or Decimal(0))
        tokens[group] = tokens.get(group, 0) + one.used
    return sorted(costs, key=lambda group: (-total(costs[group]), -tokens[group], tuple(map(str, group))))


@dataclass(frozen=True, slots=True)
class _Adding:
    """How rows become money."""

    what_if: WhatIf
    cards: RateCards
    supposed: RateCards

    def add(self, to: _Sum, row: UsageRow, *, estimated: bool) -> None:
        line = BilledLine(
            tariff=row.tariff,
            tokens=row.tokens,
            estimated_output_tokens=row.estimated_output_tokens,
            web_searches=row.web_searches,
        )
        day, counts = row.priced_on or date.min, _counts(row)
        priced = self.cards.amount_of(line, day)
        to.count(counts)
        to.estimated |= estimated
        to.api_equivalent |= row.subscription
        if priced.amount is None:
            to.unpriced_tokens += _used(counts)
            to.reasons[priced.reason] = None
        if priced.used or row.requests or priced.amount is None:
            to.found.add(priced.amount, used=priced.used)
        if self.what_if.words:
            other = self.supposed.amount_of(assumed(line, self.what_if), self.what_if.on or day)
            to.supposed.add(other.amount, used=other.used)


def _book(what_if: WhatIf, said: Sayings) -> PriceBook:
    return said.shipped if what_if.shipped_prices else said.book


def _item(query: UsageQuery, one: _Sum, group: _Group | None, bucket: datetime | None, said: Sayings) -> UsageItem:
    named = dict(zip(query.group_by, group, strict=True)) if group is not None else {}
    counted = dict(zip(_COUNTED, one.counts, strict=True))
    return UsageItem(
        group={str(by): value for by, value in named.items()},
        label=" · ".join(_label(by, value, said) for by, value in named.items()),
        bucket=bucket.astimezone(query.zone) if bucket is not None else None,
        requests=counted["requests"],
        failed=counted["failed"],
        aborted=counted["aborted"],
        tokens=UsageTokens(**{name: count for name, count in counted.items() if name in UsageTokens.model_fields}),
        web_searches=counted["web_searches"],
        cost_usd=one.found.cost,
        what_if_cost_usd=one.supposed.cost,
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


def _moment(bucket: datetime | None) -> datetime:
    return bucket or datetime.min.replace(tzinfo=UTC)
