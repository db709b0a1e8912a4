"""What does the tree say of each exchange? Nodes and their places in, rows of plain data for the browser out.

The browser draws; every word and number is decided here. What the wire said (prompts, descriptions of tasks) is plain
text that the browser sets as text, never as HTML.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from dashboard import formatting as fmt
from dashboard.states import State, state_of
from dashboard.talk import typed
from dashboard.tree_layout import Placed
from schemas.read_api import BranchItem, CompactionItem, ConversationTree, TreeNode

LABEL_CHARS = 160
HTTP_ERROR = 400
_NOT_KNOWN = (None, None, None, None)
_SAID_BY_EDGE: Mapping[str, str] = {
    "resumes": "Goes on from the summary",
    "aside": "Side question",
    "interrupted": "After an interruption",
}
"""Where nothing was typed."""
_TAGS: Mapping[str, str] = {"resumes": "from the summary", "interrupted": "after a cut"}
"""Where something was."""
_NAMED_BY_EDGE = frozenset({"spawned", "retries", "compacts", "aside"})
"""These are not called by their prompt."""
_TOLD_BY_OTHERS = frozenset({"root", "compacts", "branches", "forks"})
"""What they say follows from more than their node: the title, what was summarised, the branch."""
_SAID_BY_STOP: Mapping[str, str] = {
    "tool_use": "calls tools",
    "end_turn": "answers",
    "max_tokens": "at the limit",
    "refusal": "refused",
}
_WAITING = frozenset({"tool_use", "pause_turn", "max_tokens"})
"""Stop reasons after which the client goes on by itself: what follows is no new prompt."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One node, in the order in which ``tree.js`` reads the members."""

    id: str
    row: int
    lane: int
    twig: bool
    parent_row: int | None
    parent_lane: int
    stub: bool
    opens: bool
    edge: str
    request_class: str
    state: State
    label: str
    typed: bool
    """The label is a prompt."""
    tag: str
    """Name of the branch that begins here, or the kind of agent."""
    note: str
    """Beside the label, quieter: how it ended if that is worth saying."""
    model: str
    tokens: str
    counts: tuple[int, int, int, int] | None
    """Tokens read from the cache, written to it, other input, output."""
    duration: str
    received_at: str
    depth: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A node's place in its talk: the nth prompt of its line, the nth step of that prompt."""

    prompt: int
    step: int


class Numbering:
    """Counts prompts and steps along each line; a branch counts on from where it left."""

    def __init__(self) -> None:
        self._numbers: dict[UUID, Numbered] = {}

    def number(self, node: TreeNode, parent: TreeNode | None) -> Numbered:
        """Asked for parents before their children; again for a node that changed."""
        before = None if parent is None else self._numbers.get(parent.request_id)
        numbered = _next(before, node, parent)
        self._numbers[node.request_id] = numbered
        return numbered


def _next(before: Numbered | None, node: TreeNode, parent: TreeNode | None) -> Numbered:
    if before is None or parent is None or node.edge == "spawned":
        return Numbered(1, 1)
    if node.edge in {"retries", "aside", "compacts"} or (node.edge == "resumes" and typed(node) is None):
        return before
    if node.edge in {"branches", "forks"}:
        return Numbered(before.prompt + 1, 1)
    if typed(node) is None and (parent.stop_reason in _WAITING or (node.depth and node.edge == "continues")):
        return Numbered(before.prompt, before.step + 1)
    return Numbered(before.prompt + 1, 1)


@dataclass(slots=True)
class _Known:
    """A row, and what it follows from."""

    node: TreeNode
    numbered: Numbered
    parent: TreeNode | None
    before: Numbered | None
    """The number of its parent."""
    row: Row


class TreeRows:
    """Rows for a tree that grows, or of which only the beginning is shown; keep one for as long as it is shown."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._known: list[_Known] = []
        self._by_id: dict[str, Row] = {}

    @property
    def by_id(self) -> Mapping[str, Row]:
        """All rows of the tree as it was taken in last, the first above."""
        return self._by_id

    def update(self, tree: ConversationTree, placed: Sequence[Placed]) -> list[Row]:
        """Take the tree in as it is now; returns the rows that are new or changed.

        ``placed``: its nodes, in their order, and maybe more of them. A row follows from its node, the one above it and
        the number of that one, so what is as it was is passed over.
        """
        branches = {branch.branch_id: branch for branch in tree.branches}
        compactions = {one.request_id: one for one in tree.compactions}
        changed = list[Row]()
        for place, node in zip(placed, tree.nodes, strict=False):
            above = None if place.parent_row is None else self._known[place.parent_row]
            known = self._known[place.row] if place.row < len(self._known) else None
            if known is not None and _stays(known, node, above):
                continue
            parent, before = (above.node, above.numbered) if above else (None, None)
            numbered = self._numbering.number(node, parent)
            label = _label(node, numbered, compactions.get(node.request_id), tree.conversation.title)
            row = _row(place, node, label, branches.get(node.branch_id))
            if known is None or known.row != row:
                changed.append(row)
            self._keep(known, _Known(node, numbered, parent, before, row))
        count = min(len(placed), len(tree.nodes))
        if changed or count != len(self._by_id):
            self._by_id = {known.row.id: known.row for known in self._known[:count]}
        return changed

    def _keep(self, known: _Known | None, new: _Known) -> None:
        """What equals what was known stays the same object, so that what follows from it can tell."""
        if known is None:
            self._known.append(new)
            return
        new.node = known.node if known.node == new.node else new.node
        new.numbered = known.numbered if known.numbered == new.numbered else new.numbered
        self._known[new.row.row] = new


def _stays(known: _Known, node: TreeNode, above: _Known | None) -> bool:
    """Is nothing another than it was of what the row follows from?"""
    parent, before = (above.node, above.numbered) if above else (None, None)
    as_before = known.parent is parent and known.before is before
    return as_before and node.edge not in _TOLD_BY_OTHERS and (known.node is node or known.node == node)


def as_json(rows: Iterable[Row]) -> str:
    return msgspec.json.encode(list(rows)).decode()


def _row(place: Placed, node: TreeNode, label: str, branch: BranchItem | None) -> Row:
    state = state_of(node.outcome, node.status, node.error_type)
    tokens_in = _sum(node.input_tokens, node.cache_read_tokens, node.cache_write_tokens)
    return Row(
        id=str(node.request_id),
        row=place.row,
        lane=place.lane,
        twig=place.twig,
        parent_row=place.parent_row,
        parent_lane=place.parent_lane,
        stub=place.stub,
        opens=place.opens,
        edge=node.edge,
        request_class=node.request_class,
        state=state,
        label=fmt.one_line(label, LABEL_CHARS),
        typed=typed(node) is not None and node.edge not in _NAMED_BY_EDGE,
        tag=fmt.one_line(_tag(place, node, branch), 32),
        note=fmt.one_line(_with_cost(_note(node, state), node), 48),
        model=fmt.model(node.model) if node.model else "",
        tokens=f"{fmt.compact(tokens_in)} → {fmt.compact(node.output_tokens)}" if tokens_in is not None else "",
        counts=_counts(node),
        duration=fmt.duration(node.duration_ms) if node.duration_ms is not None else "",
        received_at=fmt.iso(node.received_at),
        depth=node.depth,
    )


def _label(node: TreeNode, numbered: Numbered, compaction: CompactionItem | None, title: str) -> str:
    """What was typed, if something was; else what it does there."""
    match node.edge:
        case "spawned":
            return node.task or node.prompt or "Sub-task"
        case "retries":
            return "Retry"
        case "compacts":
            return _summarised(compaction)
        case "aside":
            return f"Side question: {node.prompt}" if node.prompt else "Side question"
        case "root":
            return typed(node) or title or "Without a prompt"
        case edge:
            return typed(node) or _SAID_BY_EDGE.get(edge) or _step(node, numbered)


def _summarised(compaction: CompactionItem | None) -> str:
    if compaction is None or not compaction.requests:
        return "Compaction"
    messages = fmt.plural(compaction.messages, "message")
    return f"Compaction of {messages} in {fmt.plural(compaction.requests, 'request')}"


def _step(node: TreeNode, numbered: Numbered) -> str:
    if node.depth:
        return f"Step {numbered.step}"
    return f"Prompt {numbered.prompt}" if numbered.step == 1 else f"Prompt {numbered.prompt} · step {numbered.step}"


def _tag(place: Placed, node: TreeNode, branch: BranchItem | None) -> str:
    if node.edge == "spawned":
        return node.agent_type or "sub-agent"
    if place.opens and node.edge in {"branches", "forks"} and branch is not None:
        return f"fork, {branch.name}" if node.edge == "forks" else branch.name
    return _TAGS.get(node.edge, "") if typed(node) else ""


def _note(node: TreeNode, state: State) -> str:
    match state:
        case "failed" if node.outcome == "completed" and (node.status or 0) >= HTTP_ERROR:
            return f"status {node.status}"
        case "failed" if node.outcome == "completed":
            return node.error_type or "failed"
        case "failed":
            return {"upstream": "cut by the API", "timeout": "timed out", "gateway_crash": "the gateway died"}.get(
                node.outcome, node.outcome
            )
        case "cut":
            return "stopped by the client" if node.outcome == "client" else "cut by a shutdown"
        case _:
            return _SAID_BY_STOP.get(node.stop_reason or "", "")


def _with_cost(note: str, node: TreeNode) -> str:
    """Of an attempt that is one of several; and whether what an answer used could not be recorded."""
    if node.cost_usd is None and not node.unrecorded:
        return note
    said = [note, *([] if node.cost_usd is None else [fmt.money(node.cost_usd)])]
    return " · ".join(filter(None, [*said, "not recorded" if node.unrecorded else ""]))


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _counts(node: TreeNode) -> tuple[int, int, int, int] | None:
    counts = (node.cache_read_tokens, node.cache_write_tokens, node.input_tokens, node.output_tokens)
    read, written, rest, output = counts
    return None if counts == _NOT_KNOWN else (read or 0, written or 0, rest or 0, output or 0)
