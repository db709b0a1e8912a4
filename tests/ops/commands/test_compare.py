"""``nexus compare``: what differs for people, a line each, JSON for scripts, and nothing that a terminal would obey."""

import asyncio
import json
from typing import Any

import pytest

from dashboard.compare_answer import answered
from ops.commands import compare
from ops.commands.compare import MOST_DIFFERENCES, UnfitComparisonError, told
from schemas.compare_api import CompareAnswer
from tests.compared_samples import branched, compacted, parted, put, wanted
from tests.fake_data import FakeDataStore
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.read_rows import request_id, tree_node
from tests.recorded_details import request_details


def answer(store: FakeDataStore, a: int, b: int | None = None, **members: Any) -> CompareAnswer:
    found = asyncio.run(answered(store, wanted(a, b, **members)))
    assert isinstance(found, CompareAnswer)
    return found


def test_two_branches_a_line_for_each_difference() -> None:
    lines = told(answer(branched(), 4, 5, of="branches")).splitlines()
    assert lines[:3] == [
        f"- {request_id(3)}  main  Mend it",
        f"+ {request_id(5)}  branch 2  Mend it",
        "= 2 shared",
    ]
    table = [line.split() for line in lines[4 : lines.index("", 4)]]
    assert ["Requests", "2", "1"] in table
    assert ["State", "done", "done"] not in table, "what is the same is left out"
    assert lines[lines.index("", 4) + 1 :] == [
        "~ turn 3 | turn 3",
        "    - call Bash: command: pytest -q 3 passed",
        "    + text: It works without a test.",
        "- turn 4 | –",
        "    - prompt: Thanks",
        "    - text: Bye.",
    ]


def test_two_requests_with_the_rest_of_their_prompts() -> None:
    store = parted(["Hello", "a"], ["Hello", "a"])
    body = {"model": "new", "messages": [{"role": "user", "content": "Hello"}]}
    store.all_details[request_id(101)] = request_details(101, body=body)
    said = told(answer(store, 1, 101, of="requests"))
    assert "~ model model changed: claude-opus-4-5 → new" in said
    assert "~ system 1 removed" in said
    assert "= user 1 | user 1: 1 the same" in said


def test_of_what_is_the_same_nothing_is_told() -> None:
    said = told(answer(branched(), 4, 4))
    assert said.splitlines()[2] == "no difference"
    assert "~" not in said


def test_a_compaction_and_what_was_left_out() -> None:
    lines = told(answer(compacted(9), 10, turns=2)).splitlines()
    assert "summary of 9 exchanges: <summary>All of it.</summary>" in lines
    assert lines[-1] == "Only the newest of what was replaced is shown; 7 exchanges stand before."


def test_of_many_differences_some_are_told_and_the_others_counted() -> None:
    store = FakeDataStore()
    put(store, tree_node(1), [f"l{n}" for n in range(70)], "Fine.")
    put(store, tree_node(2, parent=1), [f"r{n}" for n in range(70)], "Fine.")
    lines = told(answer(store, 1, 2, of="requests")).splitlines()
    assert lines[-1] == f"… and {71 - MOST_DIFFERENCES} more; --json has them"


def test_nothing_that_a_terminal_would_obey_is_printed() -> None:
    store = parted(["\x1b[2J\x07one\u202e"], ["\x1b]0;x\x07two"])
    store.put_tree(store.trees[0].model_copy(
        update={"conversation": store.trees[0].conversation.model_copy(update={"title": "\x1b[31mred"})}
    ))  # fmt: skip
    said = told(answer(store, 1, 101))
    assert all(each.isprintable() or each == "\n" for each in said)
    assert "one" in said


def test_it_compares_what_was_recorded(
    database: str, runner_pool: PoolRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = list[str]()

    async def played(store: Store) -> None:
        ids.extend(str(one) for one in (await store.append("c_tools")).values())
        await store.follow()

    runner_pool.run(lambda pool: played(Store.over(pool)))
    compare.run(ids[0], ids[-1], "requests", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["of"], said["a"]["request_id"], said["b"]["request_id"]) == ("requests", ids[0], ids[-1])
    compare.run(ids[0], ids[0], None, as_json=False)
    assert "no difference" in capsys.readouterr().out
    unknown = str(request_id(1))
    for a, b, of in (("x", ids[0], None), (ids[0], unknown, None), (ids[0], ids[0], "words")):
        with pytest.raises(UnfitComparisonError):
            compare.run(a, b, of, as_json=False)
