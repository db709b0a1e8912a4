"""What was played, and how does it belong together? The truth, for whoever wants to check what Nexus made of it."""

from dataclasses import dataclass
from typing import Literal

import msgspec

RequestClass = Literal["main", "subagent", "compaction", "auxiliary"]
Edge = Literal[
    "root",
    "continues",
    "branches",
    "forks",
    "retries",
    "interrupted",
    "spawned",
    "compacts",
    "resumes",
    "aside",
    "none",
]


@dataclass(frozen=True, slots=True)
class Link:
    """What the client did when it sent a request."""

    request_class: RequestClass
    edge: Edge | None
    """None: cannot be said, because an earlier attempt was lost before its id came."""
    parent: str | None = None
    """Request id."""


AUXILIARY = Link("auxiliary", "none")


class Played(msgspec.Struct, frozen=True):
    """One exchange as the client's end saw it."""

    story: str
    request_id: str
    """From ``x-nexus-request-id``."""
    request_class: RequestClass
    edge: Edge | None
    parent: str | None
    status: int
    ending: str
    """How it ended for the client."""
    received_bytes: int
    """Of the body, as it came over the wire."""
    received_sha256: str


def line(played: Played) -> bytes:
    """As it is kept: one line of JSON."""
    return msgspec.json.encode(played) + b"\n"
