"""What does the client itself say that each sub-task used, and why do we say otherwise? Its word beside ours; pure.

What its figure means was measured: the size of the last answer's context, no sum (``domain/agent_reports.py``).
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from dashboard.trees import tokens_of
from domain.agent_reports import compared
from schemas.read_api import BranchItem, TreeNode


def with_reports(
    branches: Sequence[BranchItem], nodes: Sequence[TreeNode], reports: Mapping[UUID, int]
) -> list[BranchItem]:
    """``nodes``: of the conversation, in the order they were received; ``reports``: by branch."""
    newest = {node.branch_id: node for node in nodes if node.edge != "aside" and node.output_tokens is not None}
    return [_with_report(branch, reports.get(branch.branch_id), newest.get(branch.branch_id)) for branch in branches]


def _with_report(branch: BranchItem, reported: int | None, newest: TreeNode | None) -> BranchItem:
    if reported is None:
        return branch
    last = tokens_of([newest]).all if newest is not None else None
    found = compared(reported, last_answer=last, whole=branch.tokens.all, requests=branch.requests)
    return branch.model_copy(update={"reported_tokens": reported, "reported_explained": found.explanation})
