"""A rate is what the book says of one of each kind, on every day of its time, and the times leave no day out."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook, Rates
from domain.ranking import LATEST, NEWEST, Sort, rates_of
from domain.usage import TokenCounts
from tests.price_samples import DAY, price

LATER = DAY + timedelta(days=30)
BOOK = PriceBook(
    (price(effective_from=DAY), price(effective_from=LATER, rates=Rates(output=Decimal(1)), web_search=Decimal(10)))
)
KNOWN = Tariff(model="claude-opus-4-8")


@given(st.dates())
def test_each_day_has_one_rate_and_it_is_the_books(day: date) -> None:
    rates = [rate for rate in rates_of([KNOWN], BOOK, [DAY, LATER]) if rate.since <= day < rate.until]
    assert len(rates) == (day != date.max)
    for rate in rates:
        line = BilledLine(tariff=KNOWN, tokens=TokenCounts(output_tokens=1))
        assert rate.each[1] == BOOK.price_of(line, day).amount


def test_what_has_no_price_has_no_rate() -> None:
    before, between, after = rates_of([KNOWN], BOOK, [DAY, LATER])
    assert set(before.each) == {None}
    assert [between.each[0] is None, after.each[0] is None] == [False, True]
    assert after.each[-1] == Decimal("0.01")
    (unheard,) = rates_of([Tariff(model="unheard-of")], BOOK, [])
    assert (unheard.since, unheard.until, set(unheard.each)) == (date.min, date.max, {None})


@pytest.mark.parametrize(
    ("sort", "name"),
    [(NEWEST, "received_at desc"), (LATEST, "last_at desc"), (Sort("tokens", ascending=True), "tokens asc")],
)
def test_an_order_has_a_name_of_its_own(sort: Sort[str], name: str) -> None:
    assert sort.name == name
