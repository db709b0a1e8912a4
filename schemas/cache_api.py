"""What does the read API answer about the prompt cache? What was lost, why, and what it cost.

Money is what was paid for tokens that had been in the cache, less what reading them would have cost; null: there is no
price for all of it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from schemas.read_api import Answer

GroupBy = Literal["cause", "conversation", "client_domain", "account", "project", "model"]


class RewrittenTokens(Answer):
    """Tokens that had been in the cache and were paid anew, by what they were paid as."""

    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_tokens: int = 0
    tokens: int = 0
    """All of them."""


class CacheCause(Answer):
    """All misses of one cause."""

    cause: str
    requests: int
    estimated: int
    """Requests whose tokens are a share by bytes, not a count."""
    unsure: int
    """Requests whose cause is the best guess, not seen for certain."""
    rewritten: RewrittenTokens
    cost_usd: Decimal | None
    examples: list[UUID]
    """Requests that paid the most anew."""


class CacheGroup(Answer):
    """All misses of one conversation, account, model or whatever was grouped by."""

    key: str | None
    """Null: they have none, such as requests without a project."""
    requests: int
    rewritten_tokens: int
    cost_usd: Decimal | None
    causes: list[CacheCause]
    """The most expensive first."""


class CacheTotals(Answer):
    """Of every request that was compared, misses and others."""

    requests: int
    prompt_tokens: int
    misses: int
    unexplained: int
    """Misses whose cause is not known, for want of evidence."""
    rewritten_tokens: int
    rewritten_share: float
    """Of all prompt tokens, 0 to 1."""
    cost_usd: Decimal | None


class CacheInsights(Answer):
    """Why prompts were not read from the cache, in a span of time."""

    since: datetime | None
    until: datetime | None
    group_by: GroupBy
    totals: CacheTotals
    items: list[CacheGroup]
    """The most expensive first."""


class CacheDivergence(Answer):
    """The first block that was not as before."""

    section: Literal["tool", "system", "message"]
    place: int
    """Number of the tool, the system block or the message, from 0."""
    name: str
    """Of a tool."""
    role: str
    kind: str


class CacheVerdictItem(Answer):
    """What became of the prompt cache in one request."""

    request_id: UUID
    previous_request_id: UUID | None
    """The request it was compared with."""
    cause: str
    certainty: Literal["certain", "likely", "unsure"]
    detail: str
    stable_blocks: int | None
    stable_tokens: int | None
    stable_estimated: bool
    divergence: CacheDivergence | None
    lost_tokens: int
    rewritten: RewrittenTokens
    rewritten_estimated: bool
    prompt_tokens: int
    cost_usd: Decimal | None
