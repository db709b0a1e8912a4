"""What did each summarising call summarise? From which exchange to which, how much, and who goes on from it.

A history begins with the conversation, with a sub-task, or with the exchange that resumed an earlier compaction: that
one's history is the summary. Parents come before their children, so what stands before each exchange is counted from
what stands before its parent, once for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dashboard.talk import messages_in
from schemas.read_api import CompactionItem, TreeNode

_BEGINS = frozenset({"root", "spawned", "resumes"})


@dataclass(frozen=True, slots=True)
class _History:
    """What an exchange holds, itself included."""

    first: UUID
    requests: int
    messages: int


def compactions_of(nodes: Sequence[TreeNode]) -> list[CompactionItem]:
    """``nodes``: in the order they were received."""
    if not any(node.edge == "compacts" for node in nodes):
        return []
    histories: dict[UUID, _History] = {}
    calls: dict[UUID, tuple[TreeNode, _History | None]] = {}
    attempts: dict[UUID, UUID] = {}
    """The call that each attempt at it belongs to, itself among them."""
    resumed: dict[UUID, list[UUID]] = {}
    for node in nodes:
        parent = node.parent_request_id
        before = histories.get(parent) if parent else None
        histories[node.request_id] = _history(node, before)
        if node.edge == "compacts":
            calls[node.request_id] = node, before
            attempts[node.request_id] = node.request_id
        elif parent in attempts and node.edge == "retries":
            attempts[node.request_id] = attempts[parent]
        elif parent in attempts and node.edge == "resumes":
            resumed.setdefault(attempts[parent], []).append(node.request_id)
    return [_compaction(node, before, resumed.get(node.request_id, [])) for node, before in calls.values()]


def _history(node: TreeNode, before: _History | None) -> _History:
    if before is None or node.edge in _BEGINS:
        return _History(node.request_id, 1, messages_in(node))
    return _History(before.first, before.requests + 1, before.messages + messages_in(node))


def _compaction(node: TreeNode, before: _History | None, resumed_by: list[UUID]) -> CompactionItem:
    return CompactionItem(
        request_id=node.request_id,
        branch_id=node.branch_id,
        from_request_id=before.first if before else None,
        to_request_id=node.parent_request_id if before else None,
        requests=before.requests if before else 0,
        messages=before.messages if before else 0,
        resumed_by=resumed_by,
    )
