"""What happened to an exchange? The six events, their fields and topics.

One stream per exchange: ``originator_id`` is the request id (UUIDv7), ``originator_version`` counts from 1.
Events hold facts and digests; bytes live in payload tables that are written in the same transaction.
Times are UTC; durations and offsets in time are whole microseconds since the request was received, measured on a
monotonic clock, so they never go backwards.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

HEX_128 = r"^[0-9a-f]{32}$"
HEX_256 = r"^[0-9a-f]{64}$"


class Shape(BaseModel):
    """Base of every stored shape: frozen, tolerant of fields that a later version added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HeaderFact(Shape):
    """One header line as it came, or what may be kept of it."""

    name: str
    """As on the wire, upper and lower case kept."""
    value: str | None = None
    """Present for known harmless headers only (latin-1)."""
    length: int | None = None
    """Bytes of a value that is not kept."""
    fingerprint: str | None = None
    """Keyed fingerprint of a value that is not kept: equal values have equal fingerprints."""


class BodyReference(Shape):
    """Where the request body lies in the payload tables."""

    kind: Literal["part", "run"]
    """``part``: these bytes are the body; ``run``: a recipe of parts and runs that give it when joined."""
    key: Annotated[str, Field(pattern=HEX_128)]
    """Key within the scope: first 16 bytes of HMAC-SHA256(scope key, stored bytes)."""
    digest: Annotated[str, Field(pattern=HEX_256)]
    """HMAC-SHA256(scope key, body): checked whenever the body is put together."""


class ExchangeEvent(Shape):
    """Base of the events in an exchange's stream."""

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    originator_id: UUID
    """The request id."""
    originator_version: Annotated[int, Field(ge=1)]
    timestamp: datetime
    """When it happened, on the gateway's clock."""


class RequestReceived(ExchangeEvent):
    """A client asked us to forward a request.

    Recorded before the upstream call is opened: what upstream saw has always left a trace.
    """

    TOPIC: ClassVar[str] = "request-received"

    journal_id: UUID
    """The journal, and so the gateway process, that recorded it."""
    journal_us: Annotated[int, Field(ge=0)]
    """When, on that journal's monotonic clock: orders the exchanges of one gateway whatever the wall clock does."""
    mode: Literal["pass_through", "managed"]
    """Whose credential went upstream: the client's own, or one of ours in its place."""
    method: str
    """HTTP method."""
    target: str
    """Path with query, byte for byte as on the request line (latin-1)."""
    headers: tuple[HeaderFact, ...]
    """In the order of the wire, duplicates kept."""
    client_domain: str
    """Label of the host name the client called."""
    scope: str
    """Tenant: nothing is joined or shared across scopes."""
    key_id: str | None = None
    """Public id of the client key (managed mode)."""
    account: str | None = None
    """Who pays: the client key's account, else the account the client names."""
    byte_count: Annotated[int, Field(ge=0)]
    """Bytes of the body."""
    body: BodyReference | None
    """None: there was no body, or it could not be kept (then a RecordingGap says why)."""
    deferred: bool = False
    """True: the disk was too slow, the request went upstream before it was on disk."""


class ResponseStarted(ExchangeEvent):
    """Status and headers of the answer are known."""

    TOPIC: ClassVar[str] = "response-started"

    origin: Literal["upstream", "gateway"]
    """Who answered: ``gateway`` for our own errors."""
    status: int
    """HTTP status."""
    headers: tuple[HeaderFact, ...]
    """In the order of the wire, duplicates kept."""
    upstream_request_id: str | None = None
    """What upstream calls this request."""
    elapsed_us: Annotated[int, Field(ge=0)]
    """Until the headers were seen."""


class ChunkStreamed(ExchangeEvent):
    """A run of consecutive chunks of the answer, as they came.

    The bytes lie in the payload table under (request id, offset). Chunk i of the run has ``lengths[i]`` bytes and
    arrived ``arrivals_us[i]`` after the request.
    """

    TOPIC: ClassVar[str] = "chunk-streamed"

    offset: Annotated[int, Field(ge=0)]
    """Of the run's first byte in the answer."""
    lengths: tuple[int, ...]
    """Bytes of each chunk."""
    arrivals_us: tuple[int, ...]
    """When each chunk came, counted from the request."""


class ResponseCompleted(ExchangeEvent):
    """The answer is complete in HTTP's sense. Terminal."""

    TOPIC: ClassVar[str] = "response-completed"

    byte_count: Annotated[int, Field(ge=0)]
    """Bytes of the answer."""
    sha256: Annotated[str, Field(pattern=HEX_256)]
    """Of the recorded bytes of the answer, transfer-decoded, content-encoding kept."""
    elapsed_us: Annotated[int, Field(ge=0)]
    """Until the last byte."""


class ResponseAborted(ExchangeEvent):
    """The exchange ended in any other way. Terminal."""

    TOPIC: ClassVar[str] = "response-aborted"

    ended_by: Literal["client", "upstream", "timeout", "shutdown", "gateway_crash"]
    """Who or what ended it."""
    detail: str = ""
    """A short word on the cause, without payload and without secrets."""
    byte_count: Annotated[int, Field(ge=0)]
    """Bytes of the answer that were received and recorded."""
    delivered: Annotated[int, Field(ge=0)] | None
    """Bytes handed to the client's connection; None: not known (the gateway died)."""
    elapsed_us: Annotated[int, Field(ge=0)] | None
    """Until the end. None: not known (the gateway died)."""


class RecordingGap(ExchangeEvent):
    """Something could not be kept; the client's session went on."""

    TOPIC: ClassVar[str] = "recording-gap"

    part: Literal["request", "response"]
    """What of the exchange is incomplete."""
    reason: str
    """Why it could not be kept."""
    offset: Annotated[int, Field(ge=0)]
    """Of the first missing byte in the body of ``part``."""
    byte_count: Annotated[int, Field(ge=0)]
    """Missing bytes; 0: facts are missing, no bytes."""


TERMINAL = (ResponseCompleted, ResponseAborted)
EXCHANGE_EVENTS: tuple[type[ExchangeEvent], ...] = (
    RequestReceived,
    ResponseStarted,
    ChunkStreamed,
    ResponseCompleted,
    ResponseAborted,
    RecordingGap,
)
