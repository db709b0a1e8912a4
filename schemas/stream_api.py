"""What does the read API say of how answers came? One answer's course, and what stood out among many.

Times within an exchange are milliseconds after its request was received; null means not known or not yet.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from schemas.read_api import Answer

StreamFinding = Literal["abandoned", "cut", "failed", "unanswered", "stalled", "slow_start"]


class PlaceItem(Answer):
    """A place in an answer."""

    frame: str
    """Kind of the last whole frame before it; empty: none had come."""
    block: int | None
    """The content block that had begun last, counted from 0."""
    block_kind: str
    inside: bool
    """Its end had not come."""


class SilenceItem(Answer):
    """A time in which no byte came."""

    start_ms: float
    end_ms: float
    after: PlaceItem
    """What stood before it."""


class PingTimeItem(Answer):
    """A time in which nothing but pings came."""

    start_ms: float
    end_ms: float
    pings: int


class GapBucket(Answer):
    """A column of the histogram."""

    below_ms: float | None
    """Null: no upper end."""
    count: int


class GapsItem(Answer):
    """Times between a chunk and the next."""

    count: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    histogram: list[GapBucket]


class StreamItem(Answer):
    """How one answer came."""

    ending: str
    """open, unanswered, refused, failed, abandoned, cut, complete, unknown."""
    ended_by: str
    """The outcome: open, completed, client, upstream, timeout, shutdown, gateway_crash."""
    stalled: bool
    """A silence was longer than 30 seconds."""
    only_pinged: bool
    """For longer than 30 seconds nothing but pings came."""
    reached: PlaceItem
    """How far it had come in the end."""
    headers_ms: float | None
    first_byte_ms: float | None
    first_token_ms: float | None
    last_byte_ms: float | None
    ended_ms: float | None
    chunks: int
    bytes: int
    """As received."""
    gaps: GapsItem | None
    longest_silence: SilenceItem | None
    silences: list[SilenceItem]
    """Those of a second and more."""
    ping_times: list[PingTimeItem]
    """Those of a second and more."""
    pings: int
    output_tokens: int | None
    tokens_estimated: bool
    """The count never came; the text that was delivered stands for it."""
    tokens_per_second: float | None
    """From the first to the last delta."""


class Spread(Answer):
    """How long something took, among many; null: nothing was counted."""

    p50_ms: float | None
    p95_ms: float | None


class StreamGroup(Answer):
    """What stood out among the streams of one model or account. A stream may count under several words."""

    name: str | None
    """Null: not known, or all."""
    requests: int
    """That asked for a stream; those still open are among them."""
    open: int
    abandoned: int
    cut: int
    failed: int
    unanswered: int
    stalled: int
    slow_start: int
    time_to_first_byte: Spread
    duration: Spread


class StreamExample(Answer):
    """A request that counts under a word."""

    finding: StreamFinding
    request_id: UUID
    received_at: datetime
    model: str | None
    account: str | None
    outcome: str
    time_to_first_byte_ms: float | None
    duration_ms: float | None


class StreamInsights(Answer):
    """How the answers of a time came."""

    since: datetime
    until: datetime
    examined: int
    """Streams that were looked at, the newest of the time."""
    complete: bool
    """False: as many as are looked at; the time may have more."""
    stalled_after_ms: float
    slow_start_after_ms: float
    total: StreamGroup
    models: list[StreamGroup]
    """Those with the most requests first."""
    accounts: list[StreamGroup]
    examples: list[StreamExample]
    """Of each word the newest."""
