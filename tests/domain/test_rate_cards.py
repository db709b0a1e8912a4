"""What a rate card says is what the book says, to the last digit, for whatever line and price."""

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.prices import Factor, PriceBook, Rates
from domain.rate_cards import RateCards
from domain.usage import TokenCounts
from tests.price_samples import DAY, price

FACTORS = (Factor(kind="service_tier", word="batch", factor=Decimal("0.5")),)
BOOK = PriceBook(
    (
        price(factors=FACTORS, web_search=Decimal(10), long_context=Rates(input=Decimal("7.123456789"))),
        price("half-*", rates=Rates(output=Decimal("0.000000000001"))),
    )
)
HALF = "half-known"
COUNTS = st.one_of(st.just(0), st.integers(1, 3), st.integers(0, 10**18))


@st.composite
def lines(draw: st.DrawFn) -> BilledLine:
    tariff = Tariff(
        model=draw(st.sampled_from(["claude-opus-4-8", HALF, "unheard-of", ""])),
        service_tier=draw(st.sampled_from(["", "standard", "batch", "flying"])),
        long_context=draw(st.booleans()),
    )
    return BilledLine(
        tariff=tariff,
        tokens=TokenCounts(**{each.name: draw(COUNTS) for each in fields(TokenCounts)}),
        estimated_output_tokens=draw(COUNTS),
        web_searches=draw(COUNTS),
    )


@given(st.lists(lines(), min_size=1, max_size=5))
def test_it_is_what_the_book_says(each: list[BilledLine]) -> None:
    cards = RateCards(BOOK)
    for line in [*each, *each]:
        found, said = cards.amount_of(line, DAY), BOOK.price_of(line, DAY)
        assert (found.amount, found.used, found.reason) == (said.amount, bool(said.terms), said.reason)


@pytest.mark.parametrize(
    ("model", "tokens", "amount", "used", "reason"),
    [
        ("claude-opus-4-8", TokenCounts(output_tokens=1_000_000), Decimal(25), True, ""),
        ("claude-opus-4-8", TokenCounts(), Decimal(0), False, ""),
        ("unheard-of", TokenCounts(), Decimal(0), False, ""),
        ("unheard-of", TokenCounts(input_tokens=1), None, False, f"no price for model unheard-of on {DAY}"),
        (
            "half-known",
            TokenCounts(input_tokens=1, output_tokens=1),
            None,
            False,
            "no price for input of model half-known",
        ),
    ],
    ids=["used", "nothing used", "nothing used of an unknown model", "unknown model", "a kind without a price"],
)
def test_what_a_line_costs(model: str, tokens: TokenCounts, amount: Decimal | None, used: bool, reason: str) -> None:
    found = RateCards(BOOK).amount_of(BilledLine(tariff=Tariff(model=model), tokens=tokens), DAY)
    assert (found.amount, found.used, found.reason) == (amount, used, reason)
