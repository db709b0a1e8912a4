"""Places become hits: with the words around, a way on, and a count that does not say more than it knows."""

from typing import Any
from uuid import UUID

import pytest

from dashboard.errors import InvalidQueryError
from dashboard.searching import SearchQuery, search_answer
from domain.search_hits import Hit, Hits
from domain.search_query import read_search
from schemas.search_api import SnippetPiece
from tests.read_rows import START

SEARCH = read_search("needle")


def hit(**changes: Any) -> Hit:
    whole: dict[str, Any] = {
        "request_id": UUID(int=1), "received_at": START, "kind": "prompt", "tool_name": "", "is_error": False,
        "in_answer": False, "place": 3, "conversation_id": UUID(int=2), "branch_id": UUID(int=4), "title": "Hay",
        "request_class": "main", "account": None, "project": "web", "model": None, "session_id": "s",
        "content": "A needle in hay.",
    }  # fmt: skip
    return Hit(**whole | changes)


def test_a_hit_says_where_it_stands_and_what_is_around() -> None:
    (one,) = search_answer(Hits((hit(),), 1), SEARCH, 0).items
    assert one.entry == f"{UUID(int=1)}.q3"
    assert (one.tool, one.request_class, one.project) == (None, "main", "web")
    assert one.snippet == [
        SnippetPiece(text="A ", found=False),
        SnippetPiece(text="needle", found=True),
        SnippetPiece(text=" in hay.", found=False),
    ]
    (one,) = search_answer(Hits((hit(in_answer=True, tool_name="Bash"),), 1), SEARCH, 0).items
    assert (one.entry, one.tool) == (f"{UUID(int=1)}.a3", "Bash")


@pytest.mark.parametrize(
    ("total", "offset", "expected"),
    [
        (0, 0, (0, False, None)),
        (1, 0, (1, False, None)),
        (5, 0, (5, False, "1")),
        (5, 3, (5, False, "4")),
        (5, 4, (5, False, None)),
    ],
)
def test_pages_and_counts(total: int, offset: int, expected: tuple[int, bool, str | None]) -> None:
    answer = search_answer(Hits((hit(),) if total else (), total), SEARCH, offset)
    assert (answer.total, answer.at_least, answer.next_cursor) == expected


def test_older_places_are_said_to_be_there() -> None:
    assert search_answer(Hits((hit(),), 1, more=True), SEARCH, 0).at_least


def test_a_cursor_is_an_offset() -> None:
    assert SearchQuery("x").offset == 0
    assert SearchQuery("x", cursor="40").offset == 40
    with pytest.raises(InvalidQueryError):
        _ = SearchQuery("x", cursor="begin").offset
