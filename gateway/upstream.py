"""What does the gateway need of whatever talks to the upstream? The port between the exchange and the network."""

from dataclasses import dataclass
from typing import Literal, Protocol

from domain.errors import NexusError
from gateway.answers import AnswerHead
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines, HeaderMap


class UpstreamError(NexusError):
    """Upstream cannot be reached, broke off or keeps silent."""

    def __init__(self, outcome: Literal["upstream", "timeout"], detail: str, refusal: Refusal | None = None) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        """A short word on the cause, without payload and without secrets."""
        self.refusal = refusal
        """What the client is told; None: that upstream gave no answer."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose credential signs a request: its client key says so."""

    client_domain: str
    account: str


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it goes upstream."""

    method: str
    target: bytes
    """Path with query, byte for byte as the client wrote it."""
    headers: HeaderLines
    """As the client sent them, hop-by-hop ones too."""
    body: bytes | bytearray
    tenant: Tenant | None = None
    """None: pass-through, nobody but the client signs."""


class AnswerSink(Protocol):
    """Takes an answer's body as it comes off the socket. It is called from the event loop and cannot wait."""

    def received(self, data: bytes) -> None:
        """At least one byte."""
        ...

    def ended(self) -> None:
        """The answer is complete. The last call."""
        ...

    def failed(self, error: UpstreamError) -> None:
        """The answer broke off. The last call."""
        ...


class UpstreamAnswer(Protocol):
    """An answer that is coming in."""

    @property
    def head(self) -> AnswerHead:
        """As it goes to the client."""
        ...

    @property
    def headers(self) -> HeaderLines:
        """All lines as upstream sent them."""
        ...

    @property
    def told(self) -> HeaderMap:
        """The same by name."""
        ...

    def flow(self, sink: AnswerSink) -> None:
        """Give the body to ``sink``: what is here already at once, the rest as it comes."""
        ...

    def pause(self) -> None:
        """Tell the sink nothing until ``resume``, and read no more from upstream."""
        ...

    def resume(self) -> None:
        """Go on; what has come meanwhile is told at once."""
        ...

    def close(self) -> None:
        """Give up the rest: the sink hears nothing more. Has no effect on an answer that is complete."""
        ...


class Upstream(Protocol):
    """The way to the one upstream."""

    async def open(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send a request, wait for the answer's head. Raises UpstreamError."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
