"""Conversations to compare: two branches that part, two that have nothing in common, a compaction that was resumed."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dashboard.comparing import Wanted
from schemas.read_api import TreeNode
from tests.fake_data import FakeDataStore
from tests.read_rows import conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import request_details, text_answer

MESSAGES = ("Mend it", "I look.", "And the tests?")


def put(store: FakeDataStore, node: TreeNode, texts: Sequence[Any], answer: Any, **changes: Any) -> None:
    """An exchange whose messages are user and assistant in turn."""
    number = node.request_id.int & 0xFFFF
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    item = request_item(
        number,
        request_class=node.request_class,
        edge=node.edge,
        parent_request_id=node.parent_request_id,
        branch_id=node.branch_id,
        outcome=node.outcome,
        **{"cost_usd": Decimal(number), **changes},
    )
    store.put_item(item)
    body = {"model": "claude-opus-4-5", "system": "Be brief.", "messages": messages}
    given = text_answer(answer) if isinstance(answer, str) else answer
    ended = "open" if node.outcome == "open" else "completed"
    store.all_details[node.request_id] = request_details(number, body=body, answer=given, item=item, ended_by=ended)


def branched() -> FakeDataStore:
    """1 and 2 are shared; main goes on with 3 and 4, a branch from 2 with 5; 6 is a sub-agent of 3."""
    store = FakeDataStore()
    first = ("Mend it", "I look.", "Go on", "Done.")
    nodes = [
        tree_node(1, prompt="Mend it"),
        tree_node(2, parent=1, prompt="Go on"),
        tree_node(3, parent=2, prompt="Test it"),
        tree_node(4, parent=3, prompt="Thanks"),
        tree_node(5, parent=2, branch=5, edge="branches", prompt="Test it"),
        tree_node(6, parent=3, branch=6, edge="spawned", request_class="subagent", depth=1, prompt="Count"),
    ]
    put(store, nodes[0], first[:1], first[1])
    put(store, nodes[1], first[:3], first[3])
    put(store, nodes[2], [*first, "Test it"], call_answer("Bash", command="pytest -q"))
    put(store, nodes[3], [*first, "Test it", [bash("pytest -q")], [result("3 passed"), said("Thanks")]], "Bye.")
    put(store, nodes[4], [*first, "Test it"], "It works without a test.")
    put(store, nodes[5], ["Count"], "There are three.")
    store.put_tree(conversation_tree(nodes, title="Mend it"))
    return store


def parted(left: Sequence[str], right: Sequence[str]) -> FakeDataStore:
    """Two conversations: 1 … of one, 101 … of the other; an answer to each prompt."""
    store = FakeDataStore()
    for start, prompts in ((1, left), (101, right)):
        nodes, history = list[TreeNode](), list[Any]()
        for place, prompt in enumerate(prompts):
            number = start + place
            nodes.append(tree_node(number, parent=number - 1 if place else None, branch=start, prompt=prompt))
            history.append(prompt)
            put(store, nodes[-1], history, f"About {prompt}")
            history.append(f"About {prompt}")
        tree = conversation_tree(nodes, title=f"Talk {start}", conversation_id=request_id(start))
        store.put_tree(tree)
    return store


def compacted(exchanges: int = 3, *, resumed: bool = True) -> FakeDataStore:
    """So many exchanges, the call that summarises them, and the one that goes on from the summary."""
    store = FakeDataStore()
    nodes, history = list[TreeNode](), list[Any]()
    for number in range(1, exchanges + 1):
        nodes.append(tree_node(number, parent=number - 1 or None, prompt=f"Question {number}"))
        history.append(f"Question {number}")
        put(store, nodes[-1], history, f"Answer {number}")
        history.append(f"Answer {number}")
    call = exchanges + 1
    nodes.append(tree_node(call, parent=exchanges, edge="compacts", request_class="compaction"))
    put(store, nodes[-1], [*history, "Your task is to create a detailed summary of"], "<summary>All of it.</summary>")
    if resumed:
        nodes.append(tree_node(call + 1, parent=call, edge="resumes", prompt="Go on", cache_read_tokens=7))
        put(store, nodes[-1], ["This session is being continued from a previous conversation. All of it."], "Yes.")
    store.put_tree(conversation_tree(nodes, title="A long one"))
    return store


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def bash(command: str, name: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "Bash", "input": {"command": command}}


def result(text: str, name: str = "toolu_1", **members: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": text, **members}


def call_answer(tool: str, name: str = "toolu_1", **given: Any) -> list[dict[str, Any]]:
    """The events of an answer with one call."""

    start, *_, last_delta, stop = text_answer(stop="tool_use")
    block = {"type": "tool_use", "id": name, "name": tool, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
    return [
        start,
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        last_delta,
        stop,
    ]


def wanted(a: int, b: int | None = None, **members: Any) -> Wanted:
    return Wanted(a=request_id(a), b=None if b is None else request_id(b), **members)
