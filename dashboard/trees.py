"""Which branches does a conversation have, and what are they called?"""

from collections.abc import Sequence
from uuid import UUID

from schemas.read_api import BranchItem, TreeNode

MAIN = "main"
SUBTASK = "sub-task"
"""Name of a sub-task that nobody described."""


def branches_of(nodes: Sequence[TreeNode]) -> list[BranchItem]:
    """In the order in which their first exchanges were received. ``nodes``: in the order they were received."""
    first: dict[UUID, TreeNode] = {}
    requests: dict[UUID, int] = {}
    for node in nodes:
        first.setdefault(node.branch_id, node)
        requests[node.branch_id] = requests.get(node.branch_id, 0) + 1
    branches: list[BranchItem] = []
    own_lines = 0
    for branch_id, node in first.items():
        subtask = node.edge == "spawned"
        own_lines += not subtask
        branches.append(
            BranchItem(
                branch_id=branch_id,
                name=_task_name(node) if subtask else _line_name(own_lines),
                fork_point=node.parent_request_id,
                subtask=subtask,
                requests=requests[branch_id],
            )
        )
    return branches


def _task_name(node: TreeNode) -> str:
    return node.task or node.agent_type or SUBTASK


def _line_name(number: int) -> str:
    return MAIN if number == 1 else f"branch {number}"
