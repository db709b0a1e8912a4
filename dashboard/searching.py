"""How do places become hits? What was typed is read, and each place is shown with the words around; pure."""

from dataclasses import dataclass, field
from typing import Literal

from dashboard.cursors import decode_offset, encode_offset
from domain.search_hits import Hit, Hits, SearchFilter
from domain.search_query import Search, spans_of
from domain.snippets import snippet
from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece

Order = Literal["best", "newest"]
RANKED = 2_000
"""So many of the newest places are looked at."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is searched for."""

    words: str
    """As they were typed (``domain/search_query.py``)."""
    wanted: SearchFilter = field(default_factory=SearchFilter)
    order: Order = "best"
    limit: int = 20
    cursor: str | None = None

    @property
    def offset(self) -> int:
        """Raises InvalidQueryError for a cursor that is none."""
        return 0 if self.cursor is None else decode_offset(self.cursor, RANKED)


def search_answer(found: Hits, search: Search, offset: int) -> SearchAnswer:
    behind = offset + len(found.items)
    return SearchAnswer(
        items=[_hit(one, search) for one in found.items],
        total=found.total,
        at_least=found.more,
        next_cursor=encode_offset(behind) if behind < found.total else None,
    )


def _hit(one: Hit, search: Search) -> SearchHit:
    pieces = snippet(one.content, spans_of(search, one.content))
    return SearchHit.model_validate(
        {
            "request_id": one.request_id,
            "received_at": one.received_at,
            "kind": one.kind,
            "tool": one.tool_name or None,
            "is_error": one.is_error,
            "entry": f"{one.request_id}.{'a' if one.in_answer else 'q'}{one.place}",
            "conversation_id": one.conversation_id,
            "branch_id": one.branch_id,
            "title": one.title,
            "class": one.request_class,
            "account": one.account,
            "project": one.project,
            "model": one.model,
            "session_id": one.session_id,
            "snippet": [SnippetPiece(text=piece.text, found=piece.found) for piece in pieces],
        }
    )
