"""What does the read API answer of tokens and money? The shapes of its JSON.

Amounts are US dollars, exact, as decimal strings. ``cost_usd`` is the sum of all that has a price; what has none is
counted in ``unpriced_tokens`` and named in ``unpriced``. Where something was used and nothing of it has one, the cost
is null; what used nothing costs nothing.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from schemas.read_api import Answer
from schemas.stream_api import StreamItem


class UsageTokens(Answer):
    """Tokens of every kind that has a price of its own."""

    input: int = 0
    """Neither read from the cache nor written to it."""
    output: int = 0
    estimated_output: int = 0
    """On top: of answers that were cut, reckoned from the text that was delivered."""
    thinking: int = 0
    """How many of the output tokens were thinking, where it was said."""
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @property
    def all(self) -> int:
        """Thinking is part of the output."""
        return (
            self.input
            + self.output
            + self.estimated_output
            + self.cache_read
            + self.cache_write_5m
            + self.cache_write_1h
        )


class UsageFigures(Answer):
    """What a sum amounts to."""

    requests: int
    failed: int
    aborted: int
    unrecorded: int = 0
    """Answers that could not be recorded whole: what they used is not in the sums, or not all of it."""
    tokens: UsageTokens
    web_searches: int
    cost_usd: Decimal | None
    what_if_cost_usd: Decimal | None = None
    """Under the assumptions; null: nothing was assumed, or nothing has a price under them."""
    unpriced_tokens: int
    unpriced: list[str]
    """Why they have no price, each reason once."""
    estimated: bool = False
    """A part of it rests on an estimate."""
    api_equivalent: bool = False
    """A subscription paid for a part of it: the cost is what the API would have taken."""


class SubTaskItem(Answer):
    """Where a sub-task stands: whoever called it, up to the main thread of its conversation."""

    conversation_id: UUID
    parent: UUID | None
    """Who called it, by the name it has in ``group``; null: it is the main thread."""
    depth: int
    """0: the main thread."""
    name: str | None
    """The description its caller gave."""
    agent_type: str | None


class UsageItem(UsageFigures):
    """A sum."""

    group: dict[str, str | bool | UUID | None]
    """What it is the sum of, by dimension; empty: of everything."""
    label: str
    """The same in words that people gave: a key's name, a project's label; several are joined."""
    bucket: datetime | None
    """When its minute, hour, day or month begins, with the offset of the zone asked for; null: there is one only."""
    subtask: SubTaskItem | None = None
    """Told apart by ``subtask``; null also for what is in no conversation."""
    with_descendants: UsageFigures | None = None
    """Told apart by ``subtask``: the sum of it and of all that it called, however deep; null: not told apart so."""


class UsageAnswer(Answer):
    """What was used, in the order of what it cost."""

    since: datetime
    until: datetime
    bucket: str
    tz: str
    group_by: list[str]
    assumed: list[str]
    """What was assumed for ``what_if_cost_usd``, in words."""
    items: list[UsageItem]
    other: list[UsageItem]
    """The sum of all groups beyond ``limit``, one for each bucket that they are in."""
    total: UsageItem
    """The sum of the items and the others, exactly."""


class TermItem(Answer):
    """``count × per_million × factor ÷ 1,000,000 = amount``."""

    kind: str
    count: int
    per_million: Decimal
    factor: Decimal
    amount: Decimal


class LineItem(Answer):
    """What was billed under one tariff, and why it costs what it costs."""

    kind: str
    """``message``: the answer itself; ``declined``, ``compaction``, ``advisor_message``: steps beside it."""
    model: str
    service_tier: str
    speed: str
    inference_geo: str
    long_context: bool
    tokens: UsageTokens
    web_searches: int
    terms: list[TermItem]
    amount: Decimal | None
    pattern: str
    """Of the price in force: which models it stands for; empty: there is none."""
    effective_from: date | None
    """The first day of that price."""
    source: str
    """Where that price is from; empty: there is none."""
    reason: str
    """Why there is no amount; empty: there is one."""


class StepItem(Answer):
    """One sampling step inside a request, as the answer tells it."""

    kind: str
    model: str | None
    tokens: UsageTokens


class AttemptItem(Answer):
    """One try of a turn."""

    request_id: UUID
    received_at: datetime
    outcome: str
    status: int | None
    tokens: UsageTokens
    cost_usd: Decimal | None
    unrecorded: bool = False
    """Its answer could not be recorded whole: what it used beyond these tokens is not known."""
    estimated: bool
    """A part of its cost rests on an estimate."""


class RequestUsage(Answer):
    """What one exchange used and cost, with the formula."""

    request_id: UUID
    reported: dict[str, object]
    """The answer's own ``usage``, as it was sent."""
    unknown: list[str]
    """Members of it that Nexus does not know, and so has not counted."""
    service_tier: str | None
    thinking_tokens: int | None
    """How many of the output tokens were thinking; null: not said."""
    server_tools: dict[str, int]
    """Calls of tools that run on Anthropic's side."""
    unpriced_tools: dict[str, int]
    """Those that may cost something beside the tokens."""
    iterations: list[StepItem]
    lines: list[LineItem]
    unbilled: str
    """Why nothing of it is billed; empty: something is, or it is still open."""
    cost_usd: Decimal | None
    unrecorded: bool = False
    """Its answer could not be recorded whole: what it used beyond its lines is not known."""
    estimated: bool
    estimate: str
    """How the estimate came about; empty: there is none."""
    api_equivalent: bool
    """A subscription pays: the cost is what the API would have taken."""
    attempts: list[AttemptItem]
    """Of its turn, itself among them, the first one first."""
    turn_cost_usd: Decimal | None
    stream: StreamItem
    """How the answer came."""
