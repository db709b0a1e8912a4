"""The browser gets a tree once, then what changed, and is told of a pick only when it does not know."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.tree import GrowingTree, TreeView
from dashboard.views.tree_rows import as_json
from schemas.read_api import TreeNode
from tests.read_rows import conversation_tree, node_trees, tree_node

CHAIN = [tree_node(number, parent=number - 1 or None) for number in range(1, 5)]
BEFORE_ALL = conversation_tree(CHAIN).model_copy(update={"nodes": [], "branches": [], "compactions": []})


class Browser:
    """A view, and what it sent."""

    def __init__(self, nodes: list[TreeNode]) -> None:
        self.view: Any = TreeView()
        self.messages: list[dict[str, Any]] = []
        self.view._send_msg = self.messages.append
        self.view.read(conversation_tree(nodes))

    def ready(self) -> "Browser":
        self.view._handle_msg({"kind": "ready"})
        return self

    def taken(self) -> list[tuple[str, Any]]:
        """(kind, rows or id) of what came since."""
        messages, self.messages[:] = list(self.messages), []
        return [("anew" if message.get("anew") else message["kind"], self._what(message)) for message in messages]

    def _what(self, message: dict[str, Any]) -> Any:
        if message["kind"] == "select":
            return message["id"]
        return [row[1] for row in msgspec.json.decode(message["rows"])]


@given(node_trees(max_size=20), st.data())
def test_a_tree_that_grows_gives_its_new_rows(nodes: list[TreeNode], data: st.DataObject) -> None:
    known = data.draw(st.integers(1, len(nodes)))
    tree = GrowingTree()
    tree.read(conversation_tree(nodes[:known]))
    rows = tree.read(conversation_tree(nodes))
    assert rows is not None
    assert [row.row for row in rows if row.row >= known] == list(range(known, len(nodes)))
    assert len(tree.rows) == len(nodes)


@pytest.mark.parametrize(
    "later",
    [
        CHAIN[:2],
        [CHAIN[0], tree_node(9, parent=1), *CHAIN[1:]],
        [*CHAIN[:3], tree_node(4, parent=1)],
        [*CHAIN[:3], tree_node(4, parent=3, edge="retries")],
        [*CHAIN[:3], tree_node(4, parent=3, branch=4)],
    ],
)
def test_a_tree_that_hangs_otherwise_is_drawn_anew(later: list[TreeNode]) -> None:
    tree = GrowingTree()
    tree.read(conversation_tree(CHAIN))
    assert tree.read(conversation_tree(later)) is None
    assert len(tree.rows) == len(later)


def test_nothing_is_sent_before_the_browser_is_ready() -> None:
    browser = Browser(CHAIN)
    browser.view.paint()
    assert browser.taken() == []
    assert browser.ready().taken() == [("anew", [0, 1, 2, 3])]


def test_only_changes_are_sent_after_that() -> None:
    browser = Browser(CHAIN[:2]).ready()
    browser.taken()
    browser.view.paint()
    assert browser.taken() == []
    browser.view.read(conversation_tree(CHAIN[:3]))
    browser.view.read(conversation_tree(CHAIN))
    browser.view.paint()
    assert browser.taken() == [("rows", [2, 3])]
    browser.view.paint()
    assert browser.taken() == []


def test_a_tree_that_hangs_otherwise_is_sent_whole() -> None:
    browser = Browser(CHAIN).ready()
    browser.taken()
    browser.view.read(conversation_tree([CHAIN[0], tree_node(9, parent=1), *CHAIN[1:]]))
    browser.view.paint()
    assert browser.taken() == [("anew", [0, 1, 2, 3, 4])]


@given(node_trees(max_size=16), st.data())
def test_back_and_forth_in_time_the_browser_shows_the_beginning(nodes: list[TreeNode], data: st.DataObject) -> None:
    """And as of each moment the rows are those of a tree that was never shown otherwise."""
    browser, sent = Browser(nodes).ready(), dict[int, Any]()
    for _ in range(data.draw(st.integers(1, 5))):
        count = data.draw(st.integers(0, len(nodes)))
        is_open = data.draw(st.sets(st.integers(0, max(0, count - 1)), max_size=2))
        gone = {"outcome": "open", "stop_reason": None, "completed_at": None}
        then = [node.model_copy(update=gone) if place in is_open else node for place, node in enumerate(nodes[:count])]
        browser.view.read(conversation_tree(then) if then else BEFORE_ALL, nodes)
        browser.view.paint()
        shown = 0
        for message in browser.messages:
            sent = ({} if message["anew"] else sent) | {row[1]: row for row in msgspec.json.decode(message["rows"])}
            shown = message["count"]
        fresh = GrowingTree()
        fresh.read(conversation_tree(then) if then else BEFORE_ALL, nodes)
        assert [sent[place] for place in range(shown)] == msgspec.json.decode(as_json(fresh.rows.values()))


def test_a_step_back_costs_no_rows() -> None:
    browser = Browser(CHAIN).ready()
    browser.taken()
    browser.view.read(conversation_tree(CHAIN[:2]), CHAIN)
    browser.view.paint()
    assert browser.messages == [{"kind": "rows", "rows": "[]", "anew": False, "count": 2}]
    browser.view.paint()
    assert len(browser.messages) == 1
    browser.view.read(conversation_tree(CHAIN))
    browser.view.paint()
    assert browser.messages[1:] == [{"kind": "rows", "rows": "[]", "anew": False, "count": 4}]


def test_what_had_not_begun_when_it_was_asked_for_comes_with_the_moments_behind() -> None:
    browser = Browser(CHAIN[:1])
    browser.view.read(conversation_tree(CHAIN[:2]), CHAIN)
    assert browser.ready().taken() == [("anew", [0, 1])]
    browser.view.read(conversation_tree(CHAIN[:3]), CHAIN)
    browser.view.paint()
    assert browser.taken() == [("rows", [2])]


def test_a_mark_is_told_once_and_the_readers_own_never() -> None:
    browser = Browser(CHAIN).ready()
    browser.taken()
    browser.view.mark("a")
    browser.view.paint()
    browser.view.paint()
    assert browser.taken() == [("select", "a")]
    browser.view.was_marked("b")
    browser.view.paint()
    assert browser.taken() == []
    browser.view.mark("a")
    browser.view.paint()
    assert browser.taken() == [("select", "a")]


def test_a_browser_that_is_ready_again_gets_everything_again() -> None:
    browser = Browser(CHAIN)
    browser.view.mark("a")
    assert browser.ready().taken() == browser.ready().taken() == [("anew", [0, 1, 2, 3]), ("select", "a")]


@pytest.mark.parametrize("message", [None, {}, {"kind": "other"}, {"kind": "ready", "more": 1}, "ready"])
def test_other_messages_are_passed_over(message: object) -> None:
    browser = Browser(CHAIN)
    browser.view._handle_msg(message)
    browser.view.paint()
    assert browser.taken() == []
