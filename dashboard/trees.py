"""Which branches does a conversation have, what are they called, and what do they add up to?

Every exchange is on exactly one branch, so what branches count adds up to what the conversation counts. A branch hangs
on the branch of its fork point; parents come before their children, so one pass from the last to the first carries
every sum up to its parent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from dashboard.states import State, state_of
from dashboard.talk import messages_in
from schemas.read_api import BranchItem, TokenCounts, TreeNode

MAIN = "main"
SUBTASK = "sub-task"
"""Name of a sub-task that nobody described."""
Kind = Literal["main", "branch", "fork", "subtask"]


def branches_of(nodes: Sequence[TreeNode]) -> list[BranchItem]:
    """In the order in which their first exchanges were received. ``nodes``: in the order they were received."""
    members: dict[UUID, list[TreeNode]] = {}
    for node in nodes:
        members.setdefault(node.branch_id, []).append(node)
    parents = _parents(nodes, members)
    own = {branch_id: tokens_of(on_it) for branch_id, on_it in members.items()}
    branches: list[BranchItem] = []
    own_lines = 0
    for branch_id, on_it in members.items():
        own_lines += on_it[0].edge != "spawned"
        branches.append(branch_of(on_it, own_lines, parents[branch_id]))
    return counted(branches, own)


def counted(branches: Sequence[BranchItem], own: Mapping[UUID, TokenCounts]) -> list[BranchItem]:
    """``branches``: all of them, parents first; ``own``: the tokens of each by itself."""
    whole = _with_descendants(own, {one.branch_id: one.parent_branch_id for one in branches})
    return [
        one.model_copy(update={"tokens": own[one.branch_id], "tokens_with_descendants": whole[one.branch_id]})
        for one in branches
    ]


def tokens_of(nodes: Sequence[TreeNode]) -> TokenCounts:
    return TokenCounts(
        input_tokens=sum(node.input_tokens or 0 for node in nodes),
        output_tokens=sum(node.output_tokens or 0 for node in nodes),
        cache_read_tokens=sum(node.cache_read_tokens or 0 for node in nodes),
        cache_write_tokens=sum(node.cache_write_tokens or 0 for node in nodes),
    )


def _parents(nodes: Sequence[TreeNode], members: Mapping[UUID, Sequence[TreeNode]]) -> dict[UUID, UUID | None]:
    """The branch that each one hangs on; None: its fork point is not there, or on a branch that came later."""
    branch_by_node = {node.request_id: node.branch_id for node in nodes}
    known: dict[UUID, UUID | None] = {}
    for branch_id, on_it in members.items():
        fork_point = on_it[0].parent_request_id
        parent = None if fork_point is None else branch_by_node.get(fork_point)
        known[branch_id] = parent if parent in known else None
    return known


def _with_descendants(own: Mapping[UUID, TokenCounts], parents: Mapping[UUID, UUID | None]) -> dict[UUID, TokenCounts]:
    sums = dict(own)
    for branch_id, parent in reversed(list(parents.items())):
        if parent is not None:
            sums[parent] = _added(sums[parent], sums[branch_id])
    return sums


def _added(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    return TokenCounts(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_tokens=one.cache_read_tokens + other.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
    )


def branch_of(members: Sequence[TreeNode], line: int, parent_branch: UUID | None) -> BranchItem:
    """Without its tokens; ``members``: its exchanges; ``line``: it is the nth line of talk that is no sub-task."""
    first = members[0]
    subtask = first.edge == "spawned"
    state = _state(members)
    last_at = _last_at(members)
    return BranchItem(
        branch_id=first.branch_id,
        name=_task_name(first) if subtask else _line_name(line),
        kind=_kind(first, line),
        state=state,
        first_request_id=first.request_id,
        fork_point=first.parent_request_id,
        parent_branch_id=parent_branch,
        subtask=subtask,
        depth=first.depth,
        requests=len(members),
        messages=sum(messages_in(node) for node in members),
        first_at=first.received_at,
        last_at=last_at,
        duration_ms=None if state == "running" else (last_at - first.received_at) / timedelta(milliseconds=1),
        tokens=TokenCounts(),
        tokens_with_descendants=TokenCounts(),
        agent_type=first.agent_type if subtask else None,
        agent_id=first.agent_id if subtask else None,
        task=first.task if subtask else None,
        task_prompt=first.prompt if subtask else None,
        parent_request_id=first.parent_request_id if subtask else None,
        tool_use_id=first.tool_use_id if subtask else None,
    )


def _state(members: Sequence[TreeNode]) -> State:
    states = [state_of(node.outcome, node.status, node.error_type) for node in members if node.edge != "aside"]
    return "running" if "running" in states else states[-1] if states else "done"


def _last_at(members: Sequence[TreeNode]) -> datetime:
    ended = [node.completed_at for node in members if node.completed_at is not None]
    return max(ended, default=members[-1].received_at)


def _kind(first: TreeNode, line: int) -> Kind:
    if first.edge == "spawned":
        return "subtask"
    if line == 1:
        return "main"
    return "fork" if first.edge == "forks" else "branch"


def _task_name(node: TreeNode) -> str:
    return node.task or node.agent_type or SUBTASK


def _line_name(number: int) -> str:
    return MAIN if number == 1 else f"branch {number}"
