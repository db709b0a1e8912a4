"""One rule of what a sum costs of which a part may have no price: a zero never stands for what nobody knows."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.costs import CostSum, cost_of
from domain.prices import PriceBook, Priced, Rates
from domain.usage import TokenCounts
from tests.price_samples import DAY, price

BOOK = PriceBook((price(), price("free-*", rates=Rates(output=Decimal(0)))))
"""Of claude-opus-4-8 a million tokens out are 25 dollars; what is called free costs nothing."""


def found(model: str = "claude-opus-4-8", output: int = 1_000_000) -> Priced:
    line = BilledLine(tariff=Tariff(model=model), tokens=TokenCounts(output_tokens=output))
    return BOOK.price_of(line, DAY)


USED, UNPRICED, NOTHING, UNPRICED_NOTHING, FREE = (
    found(), found("gpt-4.1"), found(output=0), found("gpt-4.1", 0), found("free-1"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("each", "cost"),
    [
        ([], None),
        ([USED], 25),
        ([USED, USED, UNPRICED, NOTHING], 50),
        ([UNPRICED], None),
        ([UNPRICED, NOTHING], None),
        ([UNPRICED, UNPRICED_NOTHING], None),
        ([NOTHING], 0),
        ([UNPRICED_NOTHING], 0),
        ([FREE], 0),
        ([FREE, UNPRICED], 0),
    ],
    ids=[
        "of nothing at all", "used", "in part", "unpriced", "unpriced beside an error", "its own error beside it",
        "nothing used", "nothing used of an unknown model", "at a price of nothing", "at that, and unpriced",
    ],
)  # fmt: skip
def test_what_it_costs(each: Sequence[Priced], cost: int | None) -> None:
    assert cost_of(each) == (None if cost is None else Decimal(cost))


KINDS = st.sampled_from([USED, UNPRICED, NOTHING, UNPRICED_NOTHING, FREE])


@given(st.lists(KINDS), st.lists(KINDS))
def test_it_does_not_matter_in_which_order_or_in_how_many_parts(one: list[Priced], other: list[Priced]) -> None:
    whole = cost_of([*one, *other])
    assert whole == cost_of(iter([*other, *one]))
    assert (whole or 0) == (cost_of(one) or 0) + (cost_of(other) or 0)
    parts = [summed(part) for part in (one, other)]
    parts[0].take(parts[1])
    assert parts[0].cost == whole


def summed(each: list[Priced]) -> CostSum:
    whole = CostSum()
    for one in each:
        whole.add(one.amount, used=bool(one.terms))
    return whole


def test_a_sum_takes_another_with_money_in_it_or_none() -> None:
    whole = CostSum()
    for part, cost in (([NOTHING], 0), ([UNPRICED], None), ([USED], 25), ([USED, FREE], 50)):
        whole.take(summed(part))
        assert whole.cost == (None if cost is None else Decimal(cost))


@given(st.lists(KINDS))
def test_what_used_nothing_changes_no_sum(each: list[Priced]) -> None:
    if each:
        assert cost_of([*each, NOTHING]) == cost_of(each)
