"""One rule of what a sum costs of which a part may have no price: a zero never stands for what nobody knows."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.costs import CostSum, summed, together
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
    assert summed(each).cost == (None if cost is None else Decimal(cost))


KINDS = st.sampled_from([USED, UNPRICED, NOTHING, UNPRICED_NOTHING, FREE])


@given(st.lists(KINDS), st.lists(KINDS))
def test_it_does_not_matter_in_which_order_or_in_how_many_parts(one: list[Priced], other: list[Priced]) -> None:
    whole = summed([*one, *other]).cost
    assert whole == summed(iter([*other, *one])).cost
    assert (whole or 0) == (summed(one).cost or 0) + (summed(other).cost or 0)
    parts = [summed(part) for part in (one, other)]
    assert together(parts).cost == whole
    assert (parts[0].cost, parts[1].cost) == (summed(one).cost, summed(other).cost), "they stay as they were"


@given(st.lists(st.tuples(st.lists(KINDS, max_size=3), st.integers(0, 2)), max_size=4))
def test_what_was_not_recorded_is_counted_and_makes_no_sum_free(parts: list[tuple[list[Priced], int]]) -> None:
    """By the rule as it is written: what is known is summed, and a zero is said of nothing that anybody lost."""
    sums = [summed(each) for each, _ in parts]
    for one, (_, lost) in zip(sums, parts, strict=True):
        one.lose(lost)
    whole = together(sums)
    assert whole == together(summed(each, lost) for each, lost in parts)
    every, lost = [one for each, _ in parts for one in each], sum(lost for _, lost in parts)
    assert whole.unrecorded == lost
    known = summed(every).cost
    assert whole.cost == (known if not lost or any(one.terms for one in every if one.amount is not None) else None)


def test_a_sum_takes_another_with_money_in_it_or_none() -> None:
    whole = CostSum()
    for part, cost in (([NOTHING], 0), ([UNPRICED], None), ([USED], 25), ([USED, FREE], 50)):
        whole.take(summed(part))
        assert whole.cost == (None if cost is None else Decimal(cost))


@given(st.lists(KINDS))
def test_what_used_nothing_changes_no_sum(each: list[Priced]) -> None:
    if each:
        assert summed([*each, NOTHING]).cost == summed(each).cost
