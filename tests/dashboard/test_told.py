"""What people said, for who shows money: nothing has a price until somebody said one."""

from datetime import date
from decimal import Decimal

from dashboard.told import Sayings, nothing_told, price_days
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts
from tests.price_samples import DAY, price

LINE = BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(output_tokens=1000))


async def test_without_prices_nothing_has_a_price() -> None:
    said = await nothing_told()
    assert said == Sayings()
    assert said.price_of(LINE, DAY) is None


def test_a_line_costs_what_the_book_says() -> None:
    said = Sayings(book=PriceBook((price(),)))
    assert said.price_of(LINE, DAY) == Decimal("0.025")
    assert said.price_of(LINE, date.min) is None


def test_days_on_which_prices_begin_are_told_once_and_in_order() -> None:
    later = date(2026, 3, 1)
    book = PriceBook((price(effective_from=later), price(), price("claude-*"), price("*", effective_from=date.min)))
    assert Sayings(book=book).price_days == [DAY, later]
    assert price_days(book, PriceBook((price(effective_from=date(2025, 1, 1)),))) == [date(2025, 1, 1), DAY, later]
    assert price_days() == []
