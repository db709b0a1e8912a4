"""Which exchanges make up the talk on a branch, and what was recorded of each? Tree and details in, a transcript's
food out; pure.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from dashboard.details import Kept, RequestDetails
from domain.phrases import BILLING_LINE
from domain.transcript import Loss, RecordedTurn, Said, TurnFacts
from schemas.read_api import ConversationTree, TreeNode

_LOSSES: Mapping[Kept, Loss] = {"kept": "unreadable", "none": "unreadable", "not_kept": "not_kept", "erased": "erased"}


def line_of(nodes: Sequence[TreeNode], branch: UUID) -> list[TreeNode]:
    """The exchanges of the branch, behind those of the history that it left from; a sub-task begins with its own.

    ``nodes``: in the order they were received. Empty: there is no such branch.
    """
    own = [node for node in nodes if node.branch_id == branch]
    return [*_history(nodes, own[0]), *own] if own else []


def _history(nodes: Sequence[TreeNode], first: TreeNode) -> list[TreeNode]:
    by_id = {node.request_id: node for node in nodes}
    found: list[TreeNode] = []
    node, seen = first, {first.request_id}
    while node.edge != "spawned" and node.parent_request_id in by_id and node.parent_request_id not in seen:
        node = by_id[node.parent_request_id]
        seen.add(node.request_id)
        found.append(node)
    return found[::-1]


def subtasks_of(nodes: Sequence[TreeNode]) -> dict[str, UUID]:
    """Branches of sub-tasks by the call that began them."""
    return {node.tool_use_id: node.branch_id for node in nodes if node.edge == "spawned" and node.tool_use_id}


def branch_for(tree: ConversationTree, wanted: UUID | None, request: UUID | None) -> UUID | None:
    """The wanted branch, else that of the request, else the first. None: there is none."""
    branches = {one.branch_id for one in tree.branches}
    if wanted in branches:
        return wanted
    of_request = next((node.branch_id for node in tree.nodes if node.request_id == request), None)
    return of_request or (tree.branches[0].branch_id if tree.branches else None)


def recorded_turn(details: RequestDetails | None, node: TreeNode) -> RecordedTurn:
    """``details`` None: nothing is recorded any more."""
    if details is None:
        return RecordedTurn(facts=_facts(None, node), whole=False, lost_request="not_kept", lost_answer="not_kept")
    sent, answer = details.sent, details.answer
    message = answer.message
    lost = not answer.body.data and answer.body.kept in {"not_kept", "erased"}
    return RecordedTurn(
        facts=_facts(details, node),
        system=_system(details),
        messages=tuple(Said(one.role, one.blocks) for one in sent.messages),
        answer=message.blocks,
        whole=message.whole,
        error=_error(details),
        lost_request="" if sent.parsable else _LOSSES[sent.body.kept],
        lost_answer=_LOSSES[answer.body.kept] if lost else "",
    )


def _facts(details: RequestDetails | None, node: TreeNode) -> TurnFacts:
    item = details.item if details else None
    counts = (node.input_tokens, node.cache_read_tokens, node.cache_write_tokens)
    return TurnFacts(
        request_id=node.request_id,
        received_at=node.received_at,
        edge=node.edge,
        request_class=node.request_class,
        outcome=node.outcome,
        model=node.model,
        duration_ms=node.duration_ms,
        cost_usd=item.cost_usd if item else None,
        prompt_tokens=None if None in counts else sum(count or 0 for count in counts),
        output_tokens=node.output_tokens,
    )


def _system(details: RequestDetails) -> tuple[str, ...]:
    """Without the line for billing, which is no part of the prompt."""
    texts = [text for block in details.sent.system if isinstance(text := block.get("text"), str)]
    return tuple(text for text in texts if not text.startswith(BILLING_LINE))


def _error(details: RequestDetails) -> str:
    error = details.answer.message.error
    if error is not None:
        return f"{error.kind}: {error.message}" if error.kind else error.message
    status = details.started.status if details.started else None
    return f"HTTP {status}" if status is not None and status >= 400 else ""
