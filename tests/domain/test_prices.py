"""Is a line priced by the list in force on its day, to the last digit, and never by a guess?"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.prices import (
    Factor,
    Price,
    PriceBook,
    Priced,
    Rates,
    UnfitPriceError,
    check_price,
    derived,
    fits,
    total,
)
from domain.usage import TokenCounts
from tests.price_samples import DAY, billed_lines, price, prices, whole_prices

OPUS = "claude-opus-4-8"


def second_opinion(line: BilledLine, chosen: Price) -> Fraction | None:
    """The cost of a line by another hand: in fractions, straight on."""
    tariff, tokens = line.tariff, line.tokens
    rates = chosen.long_context if tariff.long_context and chosen.long_context else chosen.rates
    multiplier = Fraction(1)
    for kind, word in [
        ("service_tier", tariff.service_tier),
        ("speed", tariff.speed),
        ("inference_geo", tariff.inference_geo),
    ]:
        named = [each.factor for each in chosen.factors if each.kind == kind and each.word == word]
        if named:
            multiplier *= Fraction(named[0])
        elif word not in ("", "standard", "global", "not_available"):
            return None
    output = tokens.output_tokens + line.estimated_output_tokens
    per_million = [
        (tokens.input_tokens, rates.input),
        (output, rates.output),
        (tokens.cache_read_tokens, rates.cache_read),
        (tokens.cache_write_5m_tokens, rates.cache_write_5m),
        (tokens.cache_write_1h_tokens, rates.cache_write_1h),
    ]
    if any(count and rate is None for count, rate in per_million) or (line.web_searches and chosen.web_search is None):
        return None
    cost = sum((count * Fraction(rate or 0) / 1_000_000 for count, rate in per_million), Fraction(0)) * multiplier
    return cost + line.web_searches * Fraction(chosen.web_search or 0) / 1000


def is_empty(line: BilledLine) -> bool:
    return line.tokens == TokenCounts() and not line.estimated_output_tokens and not line.web_searches


@given(billed_lines(known=True), whole_prices(pattern="*"))
def test_an_independent_program_reckons_the_same(line: BilledLine, chosen: Price) -> None:
    amount = PriceBook((chosen,)).price_of(line, DAY).amount
    assert amount is not None
    assert Fraction(amount) == second_opinion(line, chosen)


@given(billed_lines(), prices(pattern="*"))
def test_it_has_no_price_for_the_same_lines(line: BilledLine, chosen: Price) -> None:
    amount = PriceBook((chosen,)).price_of(line, chosen.effective_from).amount
    expected = Fraction(0) if is_empty(line) else second_opinion(line, chosen)
    assert (None if amount is None else Fraction(amount)) == expected


@given(billed_lines(), prices(pattern="*"))
def test_the_formula_is_the_amount(line: BilledLine, chosen: Price) -> None:
    priced = PriceBook((chosen,)).price_of(line, DAY)
    assert all(
        Fraction(term.amount) == term.count * Fraction(term.per_million) * Fraction(term.factor) / 10**6
        for term in priced.terms
    )
    assert all(term.count for term in priced.terms)
    if priced.amount is None:
        assert priced.reason
        assert not priced.terms
    else:
        assert Fraction(priced.amount) == sum(map(Fraction, (term.amount for term in priced.terms)))
        assert not priced.reason
        assert priced.estimated == bool(line.estimated_output_tokens)
        assert priced.price == (None if is_empty(line) else chosen)


PATTERNS = [
    "claude-opus-4",
    "opus-4-8",
    "claude-opus-4-8",
    "claude-opus-4-*",
    "claude-*",
    "*",
    "*opus*",
    "claude-opus-4-8-2*",
    "us.anthropic.*",
]
NAMES = [
    "claude-opus-4-8",
    "claude-opus-4-8-20260101",
    "us.anthropic.claude-opus-4-8-v1:0",
    "claude-haiku-4-5",
    "gpt-4.1",
]


def names_it(pattern: str, name: str) -> bool:
    """The oracle, by hand: what each name is called in plain words."""
    if pattern in {"claude-opus-4", "opus-4-8"}:
        return False
    if name == "gpt-4.1":
        return pattern == "*"
    if name == "claude-haiku-4-5":
        return pattern in {"*", "claude-*"}
    if pattern == "us.anthropic.*":
        return name.startswith("us.")
    return pattern != "claude-opus-4-8-2*" or name.endswith("20260101")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_fits_the_plain_name_and_the_one_that_was_sent(pattern: str, name: str) -> None:
    assert fits(pattern, name) is names_it(pattern, name)
    assert not fits(pattern, "")


@given(
    st.lists(st.tuples(st.sampled_from(PATTERNS), st.integers(0, 5)), max_size=8),
    st.sampled_from(NAMES),
    st.integers(0, 5),
)
def test_the_longest_pattern_holds_then_the_newest_then_the_last(
    listed: list[tuple[str, int]], name: str, today: int
) -> None:
    book = PriceBook(
        tuple(
            price(pattern, effective_from=DAY + timedelta(begins), source=f"no {place}")
            for place, (pattern, begins) in enumerate(listed)
        )
    )
    best: tuple[int, int, int] | None = None
    for place, (pattern, begins) in enumerate(listed):
        rank = (sum(letter != "*" for letter in pattern), begins, place)
        if names_it(pattern, name) and begins <= today and (best is None or rank > best):
            best = rank
    found = book.in_force(name, DAY + timedelta(today))
    assert (found.source if found else None) == (f"no {best[2]}" if best else None)
    assert book.in_force(name, DAY + timedelta(today)) is found
    assert list(book.for_model(name)) == [one for one in book.prices if names_it(one.pattern, name)]


def line_of(count: int = 1_000_000, **tariff: Any) -> BilledLine:
    return BilledLine(tariff=Tariff(**{"model": OPUS} | tariff), tokens=TokenCounts(input_tokens=count))


def test_what_has_no_price_says_why() -> None:
    book = PriceBook((price(OPUS, rates=Rates(output=Decimal(1)), factors=(), web_search=None),))
    before = DAY - timedelta(1)
    assert book.price_of(line_of(), before) == Priced(
        amount=None, reason="no price for model claude-opus-4-8 on 2025-12-31"
    )
    assert book.price_of(line_of(model=""), DAY).reason == "no price for model (unknown) on 2026-01-01"
    assert book.price_of(line_of(), DAY).reason == "no price for input of model claude-opus-4-8"
    assert book.price_of(line_of(speed="fast"), DAY).reason == "no price for speed fast of model claude-opus-4-8"
    searched = replace(line_of(0), web_searches=1)
    assert book.price_of(searched, DAY).reason == "no price for web_search of model claude-opus-4-8"


def test_what_used_nothing_costs_nothing_whatever_its_model() -> None:
    assert PriceBook().price_of(line_of(0), DAY) == Priced(amount=Decimal(0))


@pytest.mark.parametrize(
    ("tariff", "dollars"),
    [
        ({}, "5"),
        ({"service_tier": "standard", "speed": "standard", "inference_geo": "global"}, "5"),
        ({"inference_geo": "not_available"}, "5"),
        ({"service_tier": "batch"}, "2.5"),
        ({"speed": "fast"}, "30"),
        ({"service_tier": "batch", "speed": "fast", "inference_geo": "us"}, "16.5"),
        ({"long_context": True}, "10"),
        ({"service_tier": "priority"}, None),
        ({"inference_geo": "eu"}, None),
    ],
)
def test_tiers_speeds_places_and_long_prompts_have_their_prices(tariff: dict[str, Any], dollars: str | None) -> None:
    amount = PriceBook((price(OPUS),)).price_of(line_of(**tariff), DAY).amount
    assert amount == (None if dollars is None else Decimal(dollars))


def test_searches_are_not_multiplied() -> None:
    searched = replace(line_of(service_tier="batch"), web_searches=3)
    assert PriceBook((price(OPUS),)).price_of(searched, DAY).amount == Decimal("2.53")


@given(st.lists(st.decimals(0, 10**30, places=20), max_size=5))
def test_a_total_rounds_nothing(amounts: list[Decimal]) -> None:
    assert Fraction(total(amounts)) == sum(map(Fraction, amounts))


def test_a_book_does_not_remember_for_ever() -> None:
    book = PriceBook((price("claude-*"),))
    for number in range(10_001):
        assert book.in_force(f"claude-{number}", DAY) is book.prices[0]
    assert len(book._found) == 1


def test_prices_of_the_cache_follow_from_the_input() -> None:
    assert derived(Decimal("3.00")) == Rates(
        input=Decimal(3), cache_read=Decimal("0.3"), cache_write_5m=Decimal("3.75"), cache_write_1h=Decimal(6)
    )
    assert f"{derived(Decimal(1000)).cache_write_1h}" == "2000"


@given(prices())
def test_what_the_strategies_make_is_fit(one: Price) -> None:
    check_price(one)


@pytest.mark.parametrize(
    "unfit",
    [
        {"pattern": ""},
        {"pattern": "Claude"},
        {"pattern": "a b"},
        {"pattern": "a" * 201},
        {"source": ""},
        {"source": " "},
        {"source": "a\nb"},
        {"source": "a" * 301},
        {"rates": Rates(), "long_context": None},
        {"rates": Rates(input=Decimal(-1))},
        {"rates": Rates(input=Decimal("NaN"))},
        {"rates": Rates(input=Decimal("1E+999999"))},
        {"rates": Rates(input=Decimal("1E-999999"))},
        {"rates": Rates(output=Decimal(1_000_001))},
        {"long_context": Rates(cache_read=Decimal("0.0000000000001"))},
        {"web_search": Decimal(-1)},
        {"factors": (Factor(kind="mood", word="good", factor=Decimal(1)),)},
        {"factors": (Factor(kind="speed", word="very fast", factor=Decimal(1)),)},
        {"factors": (Factor(kind="speed", word="fast", factor=Decimal(0)),)},
        {"factors": (Factor(kind="speed", word="fast", factor=Decimal(1001)),)},
        {"factors": (Factor(kind="speed", word="fast", factor=Decimal("Infinity")),)},
        {"factors": 2 * (Factor(kind="speed", word="fast", factor=Decimal(2)),)},
    ],
    ids=str,
)
def test_what_is_unfit_is_refused_in_one_line(unfit: dict[str, Any]) -> None:
    with pytest.raises(UnfitPriceError) as raised:
        check_price(replace(price(OPUS), **unfit))
    assert len(str(raised.value).splitlines()) == 1


def test_a_price_is_named_by_its_pattern_and_first_day() -> None:
    assert price(OPUS).key == (OPUS, date(2026, 1, 1))
