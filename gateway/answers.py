"""What is an answer made of? The head as it goes to the client, and whole answers of our own."""

from dataclasses import dataclass
from http import HTTPStatus

from gateway.headers import HeaderLines


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status line and header lines, hop-by-hop ones and ``x-nexus-request-id`` left out."""

    status: int
    reason: bytes
    headers: HeaderLines
    length: int | None
    """Bytes of the body that follows; 0: none can follow; None: it ends when it ends."""


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """An answer that Nexus gives itself."""

    head: AnswerHead
    body: bytes


def own_answer(status: int, content_type: bytes, body: bytes, *, more: HeaderLines = ()) -> OwnAnswer:
    """``more``: further header lines."""
    lines = ((b"content-type", content_type), (b"content-length", b"%d" % len(body)), *more)
    return OwnAnswer(AnswerHead(status, HTTPStatus(status).phrase.encode(), lines, len(body)), body)
