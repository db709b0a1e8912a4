"""What does each row of a list cost? Billed lines by id and the prices that stand, put together; pure.

What a sum costs of which a part has no price is said in one place (``domain/costs.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from dashboard.told import Sayings
from domain.costs import cost_of
from domain.prices import Priced
from domain.usage_sums import CostRow
from domain.usage_tree import below_each
from schemas.read_api import BranchItem, ConversationItem, RequestItem, TreeNode

UNRECORDED = Priced(amount=None, reason="the answer could not be recorded")
Costs = Mapping[UUID, Decimal | None]


def found_of(rows: Iterable[CostRow], said: Sayings) -> Mapping[UUID, Sequence[Priced]]:
    """What each line costs, by id."""
    found = dict[UUID, list[Priced]]()
    for row in rows:
        priced = found.setdefault(row.id, [])
        priced.append(said.book.price_of(row.line, row.day))
        priced += [UNRECORDED] if row.unrecorded else []
    return found


def costs_of(rows: Iterable[CostRow], said: Sayings) -> Costs:
    """US dollars by id, exact; None: what was used has no price, or could not be recorded."""
    return {one: cost_of(found) for one, found in found_of(rows, said).items()}


def priced_requests(items: Iterable[RequestItem], costs: Costs) -> list[RequestItem]:
    """While an answer is open, nothing is known of its cost."""
    return [
        item.model_copy(update={"cost_usd": None if item.outcome == "open" else costs.get(item.request_id)})
        for item in items
    ]


def priced_conversations(items: Iterable[ConversationItem], costs: Costs) -> list[ConversationItem]:
    return [item.model_copy(update={"cost_usd": costs.get(item.conversation_id)}) for item in items]


def retried(nodes: Iterable[TreeNode]) -> list[UUID]:
    """All attempts of the turns that were tried again."""
    again = [node for node in nodes if node.edge == "retries"]
    firsts = [node.parent_request_id for node in again if node.parent_request_id]
    return list(dict.fromkeys([*firsts, *(node.request_id for node in again)]))


def priced_attempts(nodes: Iterable[TreeNode], costs: Costs) -> list[TreeNode]:
    """``costs``: of what was retried."""
    return [
        node.model_copy(update={"cost_usd": costs[node.request_id]})
        if node.outcome != "open" and node.request_id in costs
        else node
        for node in nodes
    ]


def priced_branches(branches: Sequence[BranchItem], found: Mapping[UUID, Sequence[Priced]]) -> list[BranchItem]:
    """Each by itself, and with all that hang on it."""
    below = below_each({branch.branch_id: branch.parent_branch_id for branch in branches})
    return [
        branch.model_copy(
            update={
                "cost_usd": cost_of(found.get(branch.branch_id, ())),
                "cost_usd_with_descendants": cost_of(
                    each for one in below[branch.branch_id] for each in found.get(one, ())
                ),
            }
        )
        for branch in branches
    ]
