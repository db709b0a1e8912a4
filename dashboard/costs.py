"""What does each row of a list cost? Billed lines by id and the prices that stand, put together; pure.

As in ``GET /api/usage``, a cost is the sum of all that has a price; where nothing that was used has one, it is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from dashboard.told import Sayings
from domain.prices import total
from domain.usage_sums import CostRow
from domain.usage_tree import below_each
from schemas.read_api import BranchItem, ConversationItem, RequestItem

Costs = Mapping[UUID, Decimal | None]


def costs_of(rows: Iterable[CostRow], said: Sayings) -> Costs:
    """US dollars by id, exact; None: what was used has no price. What used nothing costs nothing."""
    amounts, unpriced = dict[UUID, list[Decimal]](), set[UUID]()
    for row in rows:
        known = amounts.setdefault(row.id, [])
        priced = said.book.price_of(row.line, row.day)
        if priced.amount is None:
            unpriced.add(row.id)
        elif priced.terms:
            known.append(priced.amount)
    return {one: None if one in unpriced and not known else total(known) for one, known in amounts.items()}


def priced_requests(items: Iterable[RequestItem], costs: Costs) -> list[RequestItem]:
    """While an answer is open, nothing is known of its cost."""
    return [
        item.model_copy(update={"cost_usd": None if item.outcome == "open" else costs.get(item.request_id)})
        for item in items
    ]


def priced_conversations(items: Iterable[ConversationItem], costs: Costs) -> list[ConversationItem]:
    return [item.model_copy(update={"cost_usd": costs.get(item.conversation_id)}) for item in items]


def priced_branches(branches: Sequence[BranchItem], costs: Costs) -> list[BranchItem]:
    """Each by itself, and with all that hang on it."""
    below = below_each({branch.branch_id: branch.parent_branch_id for branch in branches})
    return [
        branch.model_copy(
            update={
                "cost_usd": costs.get(branch.branch_id),
                "cost_usd_with_descendants": _sum(costs.get(one) for one in below[branch.branch_id]),
            }
        )
        for branch in branches
    ]


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return total(known) if known else None
