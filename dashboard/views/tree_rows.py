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
_WAITING = frozenset({"tool_use", "pause_turn", "max_tokens"})
"""Stop reasons after which the client goes on by itself: what follows is no new prompt."""


class Row(msgspec.Struct, frozen=True, array_like=True):
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


class TreeRows:
    """Rows for a tree that grows; keep one for as long as it is shown."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._rows: dict[str, Row] = {}

    @property
    def by_id(self) -> Mapping[str, Row]:
        """All rows, the first above."""
        return self._rows

    def update(self, tree: ConversationTree, placed: Sequence[Placed]) -> list[Row]:
        """Take the tree in as it is now; returns the rows that are new or changed."""
        nodes = {node.request_id: node for node in tree.nodes}
        branches = {branch.branch_id: branch for branch in tree.branches}
        compactions = {one.request_id: one for one in tree.compactions}
        changed = []
        for place in placed:
            node = nodes.get(place.request_id)
            if node is None:
                continue
            parent = nodes.get(node.parent_request_id) if node.parent_request_id else None
            numbered = self._numbering.number(node, parent)
            label = _label(node, numbered, compactions.get(node.request_id), tree.conversation.title)
            row = _row(place, node, label, branches.get(node.branch_id))
            if self._rows.get(row.id) != row:
                self._rows[row.id] = row
                changed.append(row)
        return changed


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
            return {
                "tool_use": "calls tools",
                "end_turn": "answers",
                "max_tokens": "at the limit",
                "refusal": "refused",
            }.get(node.stop_reason or "", "")


def _with_cost(note: str, node: TreeNode) -> str:
    """Of an attempt that is one of several."""
    said = [note, *([] if node.cost_usd is None else [fmt.money(node.cost_usd)])]
    return " · ".join(filter(None, [*said, "not recorded" if node.unrecorded else ""]))


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _counts(node: TreeNode) -> tuple[int, int, int, int] | None:
    counts = (node.cache_read_tokens, node.cache_write_tokens, node.input_tokens, node.output_tokens)
    if counts == (None,) * len(counts):
        return None
    read, written, rest, output = (count or 0 for count in counts)
    return read, written, rest, output
