"""What do the journal's records say? Payloads of the frames that are no raw bytes, as JSON.

Secrets never get here: a header's value is present only if it is known to be harmless (domain/redaction.py).
Frames in the order of an exchange: REQUEST, REQUEST_BODY*, FORWARDED, RESPONSE, CHUNK*, END; GAP anywhere. END
without FORWARDED: the request never went upstream. No END: the gateway died.
"""

from typing import Literal

import msgspec

Outcome = Literal["completed", "client", "upstream", "timeout", "shutdown"]


class HeaderLine(msgspec.Struct, frozen=True, array_like=True):
    """``[name, value]`` or ``[name, null, length, fingerprint]``."""

    name: str
    value: str | None = None
    length: int | None = None
    fingerprint: str | None = None


class RequestRecord(msgspec.Struct, frozen=True):
    """REQUEST: all of a request but its body."""

    wall_ns: int
    """Wall clock when the request's head was read, nanoseconds since 1970."""
    mode: Literal["pass_through", "managed"]
    method: str
    target: str
    headers: tuple[HeaderLine, ...]
    client_domain: str
    byte_count: int
    """Bytes of the body; REQUEST_BODY frames follow until that many have come."""
    key_id: str | None = None
    account: str | None = None


class ForwardedRecord(msgspec.Struct, frozen=True):
    """FORWARDED."""

    deferred: bool
    """The disk took longer than the deadline: the request goes upstream before it is on disk."""


class ResponseRecord(msgspec.Struct, frozen=True):
    """RESPONSE."""

    origin: Literal["upstream", "gateway"]
    status: int
    headers: tuple[HeaderLine, ...]
    upstream_request_id: str | None = None


class EndRecord(msgspec.Struct, frozen=True):
    """END."""

    outcome: Outcome
    received: int
    """Bytes of the answer that came, recorded or not."""
    delivered: int
    """Bytes of the answer handed to the client's connection."""
    detail: str = ""


class GapRecord(msgspec.Struct, frozen=True):
    """GAP: ``byte_count`` bytes of ``part`` from ``offset`` on are missing."""

    part: Literal["request", "response"]
    reason: str
    offset: int
    byte_count: int


def encode(record: msgspec.Struct) -> bytes:
    return msgspec.json.encode(record)
