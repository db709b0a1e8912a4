"""What is asked of usage, and what does a sum of it hold? Shapes between the read model and who reckons money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Literal, NamedTuple
from uuid import UUID

from domain.billing import BilledLine, Tariff
from domain.ranking import Rate
from domain.usage_ranges import Bucket

Dimension = Literal[
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "conversation_id", "branch_id", "service_tier", "speed", "inference_geo", "long_context", "estimated",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """What is wanted, by dimension; of a dimension that is not named, everything."""

    values: Mapping[Dimension, Sequence[str | bool | UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """Which groups stay apart, where there are more than anybody looks at; all others are added up as one."""

    dimensions: tuple[Dimension, ...]
    """One or two, of text."""
    values: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Dearest:
    """Of which conversations the rows stay apart, where there are more than anybody looks at: of those that cost most,
    then of those that used most. All others are added up as one."""

    conversations: int
    """So many at most. What belongs to none counts as one."""
    rates: Sequence[Rate]
    """By which they are ranked, in floating point: of every tariff and each of the question's ``price_days``."""


COUNTS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "estimated_output_tokens", "web_searches", "thinking_tokens", "requests", "failed", "aborted",
    "unrecorded",
)  # fmt: skip
"""What a sum counts; first what has a price (``domain/rate_cards.py``), of that first the tokens."""
TOKEN_KINDS = 6
"""So many of them are tokens that are billed each by itself."""


class UsagePoint(NamedTuple):
    """A sum in one bucket. A year has thousands of them, so a point is no more than this."""

    bucket: datetime | None
    """When it begins, in UTC; None: there is one only."""
    priced_on: date | None
    """Any day of it: they have one list of prices. None: all lie before the first of the days that were given."""
    counts: tuple[int, ...]
    """In the order of ``COUNTS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSeries:
    """Sums of one group under one tariff."""

    group: tuple[str | bool | UUID | None, ...]
    """Values of the dimensions that were asked for."""
    subscription: bool = False
    """Whether it is of accounts that pay by subscription."""
    rest: bool = False
    """It is of all groups that were not to be kept apart; of their dimensions it tells nothing."""
    tariff: Tariff
    points: Sequence[UsagePoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """What is asked."""

    since: datetime
    until: datetime
    """Before this."""
    bucket: Bucket = "none"
    zone: tzinfo = UTC
    """Whose hours, days and months."""
    group_by: tuple[Dimension, ...] = ()
    wanted: UsageFilter = field(default_factory=UsageFilter)
    price_days: Sequence[date] | None = None
    """Days of UTC on which some list of prices begins; None: every day is a row of its own."""
    subscriptions: Sequence[str] = ()
    """Accounts that pay by subscription: they are told apart from all others, not from each other."""
    kept: Kept | None = None
    """None: every group stays apart."""
    dearest: Dearest | None = None
    """None: every conversation stays apart."""


@dataclass(frozen=True, slots=True)
class CostRow:
    """What was used under one price by one member of a list."""

    id: UUID
    """Of an exchange, a conversation or a branch."""
    line: BilledLine
    day: date
    """Of UTC."""
    unrecorded: int = 0
    """So many of its answers could not be kept, and nobody knows what they used."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a turn, with its billed lines."""

    request_id: UUID
    received_at: datetime
    outcome: str
    """As the read API names it; ``open`` while it goes on."""
    status: int | None
    lines: tuple[BilledLine, ...]
    """What was not billed has one of nothing, of kind ``unbilled``; none at all: nothing is known yet."""
    unrecorded: bool = False
    """Its answer could not be kept whole: what it used beyond its lines is not known."""
