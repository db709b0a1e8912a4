"""``nexus search``: places with their words for people, JSON for scripts, and nothing that a terminal would obey."""

import json
from typing import Any

import pytest

from dashboard.searching import SearchQuery
from ops.commands import search
from ops.commands.search import UnfitSearchError, listed, query_of
from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.schemas.test_search_api import HIT


def answer(total: int = 1, next_cursor: str | None = None, *, at_least: bool = False, **hit: Any) -> SearchAnswer:
    items = [SearchHit.model_validate(HIT | hit)]
    return SearchAnswer(items=items, total=total, at_least=at_least, next_cursor=next_cursor)


def test_a_place_says_what_where_and_the_words() -> None:
    said = listed(answer(title="A \n talk", project="web", model="opus"), colour=False).splitlines()
    assert said == [
        f"2026-11-22 00:00:00Z  tool result Bash failed  {HIT['request_id']}",
        "  A talk",
        "  web · opus",
        "  no such file",
        "",
        "1 of 1 places",
    ]


def test_what_was_found_is_marked_on_a_terminal_and_more_is_offered() -> None:
    said = listed(answer(2_000, "20", at_least=True), colour=True)
    assert "\x1b[1;33mno such file\x1b[0m" in said
    assert said.endswith("1 of the newest 2,000 places; --cursor 20 shows more")


def test_what_a_terminal_would_obey_is_shown_as_a_sign() -> None:
    piece = SnippetPiece(text="\x1b[2Jgone\x07\u202e", found=True)
    said = listed(answer(title="\x1b]0;title\x07", tool="\x9b31m", snippet=[piece]), colour=False)
    assert all(each.isprintable() or each == "\n" for each in said)
    assert "gone" in said


def test_nothing_found_says_what_to_try() -> None:
    empty = SearchAnswer(items=[], total=0, at_least=False, next_cursor=None)
    assert listed(empty, colour=False).startswith("Nobody said that.")


def test_words_and_filters_are_one_question() -> None:
    asked = query_of(["connection", "reset"], {"kind": "answer", "tool": None, "limit": "5"})
    assert (asked.words, asked.wanted.kind, asked.limit) == ("connection reset", "answer", 5)
    for unfit in ({"kind": "said"}, {"since": "yesterday"}, {"limit": "many"}):
        with pytest.raises(UnfitSearchError):
            query_of(["x"], unfit)
    assert isinstance(query_of(["x"], {}), SearchQuery)


def test_it_finds_what_was_recorded(database: str, runner_pool: PoolRunner, capsys: pytest.CaptureFixture[str]) -> None:
    async def played(store: Store) -> None:
        await store.append("c_tools")
        await store.follow()

    runner_pool.run(lambda pool: played(Store.over(pool)))
    search.run(["ls*", "OR", "file*"], {"limit": "3"}, as_json=True, colour=False)
    said = json.loads(capsys.readouterr().out)
    assert said["items"]
    assert {hit["conversation_id"] for hit in said["items"]} != {None}
    search.run(["neversaid"], {}, as_json=False, colour=False)
    assert "Nobody said that" in capsys.readouterr().out
    for words, filters in ((["-x"], {}), (["x"], {"cursor": "y"}), (["x"], {"limit": "0"})):
        with pytest.raises(UnfitSearchError):
            search.run(words, filters, as_json=False, colour=False)
