"""The answer of a search has stable names, and what is not known is null, never absent."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece

HIT: dict[str, Any] = {
    "request_id": UUID(int=1), "received_at": datetime(2026, 11, 22, tzinfo=UTC), "kind": "tool_result", "tool": "Bash",
    "is_error": True, "entry": f"{UUID(int=1)}.q3", "conversation_id": None, "branch_id": None, "title": None,
    "class": "main", "account": None, "project": None, "model": None, "session_id": None,
    "snippet": [SnippetPiece(text="no such file", found=True)],
}  # fmt: skip


def test_its_json() -> None:
    answer = SearchAnswer(items=[SearchHit.model_validate(HIT)], total=1, at_least=False, next_cursor=None)
    said = json.loads(answer.model_dump_json())
    assert set(said["items"][0]) == set(HIT)
    assert said["items"][0]["class"] == "main"
    assert said["items"][0]["snippet"] == [{"text": "no such file", "found": True}]
    assert (said["total"], said["at_least"], said["next_cursor"]) == (1, False, None)
