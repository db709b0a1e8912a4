"""Where in its conversation does an exchange stand? Why it is linked, its branch, and what it summarised if it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dashboard.formatting import one_line
from dashboard.states import state_of
from dashboard.views.tree_rows import Row
from dashboard.views.why import Neighbour, Why, why
from schemas.read_api import BranchItem, CompactionItem, ConversationTree, TreeNode

LABEL_CHARS = 64
_GOES_ON = frozenset({"continues", "interrupted"})
_CUT_BY: Mapping[str, str] = {
    "client": "was stopped by the client",
    "shutdown": "was cut by a shutdown",
    "upstream": "was cut by the API",
    "timeout": "timed out",
    "gateway_crash": "ended with the gateway",
}


@dataclass(frozen=True, slots=True)
class Summarised:
    """What a compaction is about."""

    item: CompactionItem
    first: Neighbour | None
    last: Neighbour | None
    resumed_by: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt of a turn."""

    node: TreeNode
    neighbour: Neighbour
    words: str
    """How it ended."""


@dataclass(frozen=True, slots=True)
class Place:
    """An exchange's place."""

    why: Why | None
    branch: BranchItem | None
    parent_branch: BranchItem | None
    fork_point: Neighbour | None
    """Where its branch leaves the parent branch; None: it leaves none."""
    summarised: Summarised | None
    attempts: tuple[Tried, ...]
    """Of its turn, the first one first; empty: it was tried once."""


def place_of(tree: ConversationTree, rows: Mapping[str, Row], node: TreeNode) -> Place:
    """``rows``: of the tree, by id."""
    branches = {branch.branch_id: branch for branch in tree.branches}
    branch = branches.get(node.branch_id)
    parent_branch = branches.get(branch.parent_branch_id) if branch and branch.parent_branch_id else None
    compaction = next((one for one in tree.compactions if one.request_id == node.request_id), None)
    return Place(
        why=why(node, _neighbour(rows, node.parent_request_id), _more(tree, rows, node)),
        branch=branch,
        parent_branch=parent_branch,
        fork_point=_neighbour(rows, branch.fork_point) if branch else None,
        summarised=_summarised(rows, compaction) if compaction else None,
        attempts=_attempts(tree, rows, node),
    )


def ended_words(node: TreeNode) -> str:
    """How an attempt ended that was made again."""
    if node.outcome in _CUT_BY:
        return _CUT_BY[node.outcome]
    if state_of(node.outcome, node.status, node.error_type) == "failed":
        error = one_line(node.error_type or "", LABEL_CHARS)
        if node.status is not None and node.status >= 400:
            return f"ended with {node.status}" + (f" ({error})" if error else "")
        return f"ended with {error} in the stream" if error else "failed"
    return "was refused" if node.stop_reason == "refusal" else "was open" if node.outcome == "open" else "was answered"


def _more(tree: ConversationTree, rows: Mapping[str, Row], node: TreeNode) -> str:
    match node.edge:
        case "retries":
            before = _attempt_before(tree.nodes, node)
            return f"The attempt before {ended_words(before)}" if before else ""
        case "branches":
            first = next((one for one in tree.nodes if one.edge in _GOES_ON and _siblings(one, node)), None)
            before_it = _neighbour(rows, first.request_id) if first else None
            return f"{before_it.label} had gone on from it before" if before_it else ""
        case _:
            return ""


def _siblings(one: TreeNode, other: TreeNode) -> bool:
    return one.parent_request_id == other.parent_request_id and one.request_id != other.request_id


def _attempt_before(nodes: Sequence[TreeNode], node: TreeNode) -> TreeNode | None:
    """The newest attempt at the same messages among those before it."""
    newest = None
    for other in nodes:
        if other.request_id == node.request_id:
            break
        if other.request_id == node.parent_request_id or (other.edge == "retries" and _siblings(other, node)):
            newest = other
    return newest


def _attempts(tree: ConversationTree, rows: Mapping[str, Row], node: TreeNode) -> tuple[Tried, ...]:
    first = node.parent_request_id if node.edge == "retries" else node.request_id
    turn = [
        one
        for one in tree.nodes
        if one.request_id == first or (one.edge == "retries" and one.parent_request_id == first)
    ]
    named = [(one, _neighbour(rows, one.request_id)) for one in turn] if len(turn) > 1 else []
    return tuple(Tried(one, neighbour, ended_words(one)) for one, neighbour in named if neighbour is not None)


def _summarised(rows: Mapping[str, Row], compaction: CompactionItem) -> Summarised:
    resumed = (_neighbour(rows, one) for one in compaction.resumed_by)
    return Summarised(
        item=compaction,
        first=_neighbour(rows, compaction.from_request_id),
        last=_neighbour(rows, compaction.to_request_id),
        resumed_by=tuple(one for one in resumed if one is not None),
    )


def _neighbour(rows: Mapping[str, Row], request_id: UUID | None) -> Neighbour | None:
    """What was typed stands in quotation marks, to be told from our own words."""
    row = rows.get(str(request_id)) if request_id else None
    if request_id is None or row is None:
        return None
    label = one_line(row.label, LABEL_CHARS)
    return Neighbour(request_id, f"“{label}”" if row.typed else label)
