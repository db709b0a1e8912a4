"""Which places does somebody want to see, and which were found? The words themselves are ``domain/search_query.py``."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Which places are wanted; None: any."""

    kind: str | None = None
    """prompt, answer, thinking, tool_input, tool_result."""
    is_error: bool | None = None
    """A tool says that it failed."""
    tool: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    aside: bool = False
    """Also what the client asked for itself, such as titles."""
    model: str | None = None
    project: str | None = None
    account: str | None = None
    session: str | None = None
    conversation: UUID | None = None
    """Any of its requests."""
    request_class: str | None = None
    requests: tuple[UUID, ...] | None = None
    """These alone; with many of them, say also when they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A place, and the piece of the text that was found there."""

    request_id: UUID
    received_at: datetime
    kind: str
    tool_name: str
    is_error: bool
    in_answer: bool
    place: int
    conversation_id: UUID | None
    branch_id: UUID | None
    title: str | None
    request_class: str | None
    account: str | None
    project: str | None
    model: str | None
    session_id: str | None
    content: str


@dataclass(frozen=True, slots=True)
class Hits:
    """Some of them."""

    items: tuple[Hit, ...]
    total: int
    """Of those that were gone through; 0 where there are no items."""
    more: bool = False
    """There are older ones."""
