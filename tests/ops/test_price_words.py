"""Are typed prices what was meant, and does a line say what a price is?"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.price_files import Change
from domain.prices import Factor, Price, Rates, UnfitPriceError
from ops.price_words import WIDTH, TypedPrice, also, change_text, day_typed, price_typed, prices_table
from tests.price_samples import DAY, FACTORS, FIVE, TEN, price


def typed(**members: Any) -> TypedPrice:
    said: dict[str, Any] = {"pattern": "claude-a", "effective_from": DAY, "source": "contract", "rates": {}}
    return TypedPrice(**said | {"long_context": {}, "web_search": None, "factors": ()} | members)


def test_where_nothing_stands_the_cache_follows_from_the_input() -> None:
    made = price_typed(typed(rates={"input": "$3", "output": "15", "cache_read": "0"}), None)
    assert made == Price(
        pattern="claude-a",
        effective_from=DAY,
        source="contract",
        rates=Rates(
            input=Decimal(3),
            output=Decimal(15),
            cache_read=Decimal(0),
            cache_write_5m=Decimal("3.75"),
            cache_write_1h=Decimal(6),
        ),
    )


def test_what_is_not_typed_stays_as_it_stands() -> None:
    standing = price("claude-a", effective_from=DAY - timedelta(9))
    kept = price_typed(typed(), standing)
    assert kept == replace(standing, effective_from=DAY, source="contract")
    changed = price_typed(
        typed(
            rates={"output": "20"},
            long_context={"input": "9"},
            web_search="0",
            factors=["service_tier:batch=0.4", "service_tier:flex=0.7"],
        ),
        standing,
    )
    assert changed.rates == replace(FIVE, output=Decimal(20))
    assert changed.long_context == replace(TEN, input=Decimal(9))
    assert changed.web_search == 0
    assert changed.factors == (
        FACTORS[0],
        Factor(kind="service_tier", word="batch", factor=Decimal("0.4")),
        Factor(kind="service_tier", word="flex", factor=Decimal("0.7")),
        FACTORS[2],
    )


def test_long_prompts_get_prices_where_they_had_none() -> None:
    standing = price("claude-a", long_context=None)
    made = price_typed(typed(long_context={"input": "10"}), standing)
    assert made.long_context == Rates(
        input=Decimal(10), cache_read=Decimal(1), cache_write_5m=Decimal("12.5"), cache_write_1h=Decimal(20)
    )
    assert price_typed(typed(long_context={"output": "7"}), standing).long_context == Rates(output=Decimal(7))


@pytest.mark.parametrize(
    "words",
    [
        {"rates": {"input": "3"}},
        {"rates": {"output": "3"}},
        {},
        {"rates": {"input": "three", "output": "1"}},
        {"rates": {"input": "sNaN", "output": "1"}},
        {"rates": {"input": "1e999999999", "output": "1"}},
        {"rates": {"input": "1", "output": "-Infinity"}},
        {"rates": {"input": "3", "output": "1"}, "web_search": "x"},
        {"rates": {"input": "3", "output": "1"}, "factors": ["speed:fast"]},
        {"rates": {"input": "3", "output": "1"}, "factors": ["speed:fast=quick"]},
    ],
    ids=range(10),
)
def test_what_is_no_price_is_said_in_one_line(words: dict[str, Any]) -> None:
    with pytest.raises(UnfitPriceError) as raised:
        price_typed(typed(**words), None)
    assert len(str(raised.value).splitlines()) == 1


def test_a_day_is_typed_as_a_date_or_not_at_all() -> None:
    today = date(2026, 11, 27)
    assert day_typed(None, today) == day_typed("Today", today) == today
    assert day_typed(" 2026-01-01 ", today) == DAY
    with pytest.raises(UnfitPriceError, match="2026-09-01"):
        day_typed("soon", today)


def test_a_table_has_a_line_for_each_price() -> None:
    bare = Price(pattern="claude-0", effective_from=DAY, source="s", rates=Rates(input=Decimal("0.10")))
    head, first, second = prices_table([price("claude-b"), bare], {bare.key}).splitlines()
    assert head.split()[:4] == ["models", "from", "input", "output"]
    assert first.split() == ["claude-0", "2026-01-01", "0.10", "–", "–", "–", "–", "own", "s"]
    assert "shipped" in second
    assert max(map(len, (head, first, second))) <= WIDTH


def test_what_else_a_price_says() -> None:
    assert also(price()) == "long 10/37.5, search 10/1000, us ×1.1, batch ×0.5, fast ×6"
    assert also(price(long_context=None, web_search=None, factors=())) == ""


def test_a_change_is_one_line() -> None:
    before, bare = price("claude-a"), price("claude-a", long_context=None, web_search=None, factors=())
    after = replace(before, rates=replace(FIVE, output=Decimal(20), cache_read=None))
    assert change_text(Change(before, after)) == ("claude-a from 2026-01-01: output 25 → 20, cache read 0.5 → –")
    assert change_text(Change(bare, replace(bare, web_search=Decimal(1)))) == (
        "claude-a from 2026-01-01: also nothing → search 1/1000"
    )
    assert change_text(Change(None, bare)) == (
        "claude-a from 2026-01-01: new: input 5, output 25, cache read 0.5, cache write 5m 6.25, cache write 1h 10"
    )
    assert change_text(Change(before, None)).startswith("claude-a from 2026-01-01: gone: input 5, ")
    assert change_text(Change(before, None)).endswith("fast ×6")


def test_a_change_of_long_prompts_cache_prices_is_told_too() -> None:
    before = price("claude-a")
    after = replace(before, long_context=replace(TEN, cache_read=Decimal(2)))
    assert "long cache read 1 → 2" in change_text(Change(before, after))
