"""What does the read API answer of a search? The shape of its JSON."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.read_api import Answer

HitKind = Literal["prompt", "answer", "thinking", "tool_input", "tool_result"]


class SnippetPiece(Answer):
    """A piece of the text around a hit."""

    text: str
    found: bool
    """It is what was searched for."""


class SearchHit(Answer):
    """A place where it was said for the first time in its line of talk."""

    request_id: UUID
    received_at: datetime
    """Of the request that sent it, or whose answer says it."""
    kind: HitKind
    tool: str | None
    is_error: bool
    """A tool says that it failed."""
    entry: str
    """Where it stands in the reading view."""
    conversation_id: UUID | None
    """Null until the request is linked."""
    branch_id: UUID | None
    title: str | None
    """Of the conversation."""
    request_class: str | None = Field(alias="class")
    account: str | None
    project: str | None
    model: str | None
    session_id: str | None
    snippet: list[SnippetPiece]


class SearchAnswer(Answer):
    """One page of hits."""

    items: list[SearchHit]
    total: int
    """Of hits in all pages."""
    at_least: bool
    """There are older places, which were not looked at."""
    next_cursor: str | None
