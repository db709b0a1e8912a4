"""What does each row of a list cost? Billed lines by id and the prices that stand, put together; pure.

What a sum costs of which a part has no price, or was not recorded, is said in one place (``domain/costs.py``).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from uuid import UUID

from dashboard.told import Sayings
from domain.costs import CostSum, together
from domain.usage_sums import CostRow
from domain.usage_tree import below_each
from schemas.read_api import BranchItem, ConversationItem, RequestItem, TreeNode

Costs = Mapping[UUID, CostSum]
"""Of exchanges, branches or conversations, by id."""
_NOTHING = CostSum()


def found_of(rows: Iterable[CostRow], said: Sayings) -> Costs:
    """What each amounts to, by id."""
    found = dict[UUID, CostSum]()
    for row in rows:
        priced, own = said.book.price_of(row.line, row.day), found.setdefault(row.id, CostSum())
        own.add(priced.amount, used=bool(priced.terms))
        own.lose(row.unrecorded)
    return found


def priced_requests(items: Iterable[RequestItem], found: Costs) -> list[RequestItem]:
    """While an answer is open, nothing is known of its cost."""
    return [
        item.model_copy(update=_of_one(_NOTHING if item.outcome == "open" else found.get(item.request_id, _NOTHING)))
        for item in items
    ]


def priced_conversations(items: Iterable[ConversationItem], found: Costs) -> list[ConversationItem]:
    return [item.model_copy(update=sum_of(found.get(item.conversation_id, _NOTHING))) for item in items]


def sum_of(own: CostSum) -> dict[str, object]:
    """As members of whatever it is the sum of."""
    return {"cost_usd": own.cost, "unrecorded": own.unrecorded}


def _of_one(own: CostSum) -> dict[str, object]:
    return {"cost_usd": own.cost, "unrecorded": own.unrecorded > 0}


def retried(nodes: Iterable[TreeNode]) -> list[UUID]:
    """All attempts of the turns that were tried again."""
    again = [node for node in nodes if node.edge == "retries"]
    firsts = [node.parent_request_id for node in again if node.parent_request_id]
    return list(dict.fromkeys([*firsts, *(node.request_id for node in again)]))


def priced_attempts(nodes: Iterable[TreeNode], found: Costs) -> list[TreeNode]:
    """``found``: of what was retried."""
    return [
        node.model_copy(update=_of_one(found[node.request_id]))
        if node.outcome != "open" and node.request_id in found
        else node
        for node in nodes
    ]


def marked(nodes: Iterable[TreeNode], lost: Container[UUID]) -> list[TreeNode]:
    """``lost``: whose answers could not be recorded whole. Of those that are open nothing is said."""
    return [
        node.model_copy(update={"unrecorded": True}) if node.outcome != "open" and node.request_id in lost else node
        for node in nodes
    ]


def priced_branches(branches: Sequence[BranchItem], found: Costs) -> list[BranchItem]:
    """Each by itself, and with all that hang on it."""
    below = below_each({branch.branch_id: branch.parent_branch_id for branch in branches})
    return [
        branch.model_copy(update=_of_branch(branch.branch_id, below[branch.branch_id], found)) for branch in branches
    ]


def _of_branch(branch: UUID, below: Iterable[UUID], found: Costs) -> dict[str, object]:
    """``below``: itself among them."""
    whole = together(found[one] for one in below if one in found)
    with_descendants = {f"{name}_with_descendants": value for name, value in sum_of(whole).items()}
    return {**sum_of(found.get(branch, _NOTHING)), **with_descendants}
