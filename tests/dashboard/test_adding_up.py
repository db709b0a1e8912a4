"""Sums add up in any order and in any parts, and say what of them has no price."""

from datetime import date
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dashboard.adding_up import COUNTED, Adding, UsageSum
from domain.billing import Tariff
from domain.prices import PriceBook
from domain.rate_cards import RateCards
from domain.usage import TokenCounts
from domain.usage_sums import UsageRow
from domain.what_if import WhatIf
from tests.price_samples import price

BOOK = PriceBook((price("claude-*", effective_from=date.min),))
DAY = date(2026, 1, 1)
counts = st.integers(0, 10**9)


def adding(what_if: WhatIf | None = None) -> Adding:
    return Adding(what_if or WhatIf(), RateCards(BOOK), RateCards(BOOK))


@st.composite
def rows(draw: st.DrawFn) -> UsageRow:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    return UsageRow(
        bucket=None,
        priced_on=draw(st.sampled_from([None, DAY])),
        group=(),
        subscription=draw(st.booleans()),
        tariff=Tariff(model=draw(st.sampled_from(["claude-x", "llama"]))),
        tokens=TokenCounts(**{name: draw(counts) for name in names}),
        estimated_output_tokens=draw(counts),
        thinking_tokens=draw(counts),
        web_searches=draw(st.integers(0, 9)),
        requests=draw(st.integers(0, 9)),
        failed=0,
        aborted=0,
    )


def added(each: list[UsageRow], how: Adding) -> UsageSum:
    whole = UsageSum()
    for row in each:
        how.add(whole, row, estimated=row.estimated_output_tokens > 0)
    return whole


@given(st.lists(rows(), max_size=8), st.integers(0, 8), st.randoms(use_true_random=False))
def test_parts_add_up_to_the_whole_in_any_order(each: list[UsageRow], cut: int, random: Random) -> None:
    how = adding(WhatIf(no_cache=True))
    whole = added(each, how)
    parts = [added(each[:cut], how), added(each[cut:], how)]
    random.shuffle(parts)
    together = UsageSum()
    for part in parts:
        together.take(part)
    assert {**told(together), "reasons": set(together.reasons)} == {**told(whole), "reasons": set(whole.reasons)}
    assert whole.counts == [sum(each) for each in zip(*map(counted, each), strict=True)] or not each


def told(one: UsageSum) -> dict[str, object]:
    names = ("counts", "unpriced_tokens", "estimated", "api_equivalent", "used")
    return {name: getattr(one, name) for name in names} | {"cost": one.found.cost, "supposed": one.supposed.cost}


def counted(row: UsageRow) -> tuple[int, ...]:
    """As they are named in an answer."""
    names = {"thinking": "thinking_tokens", "estimated_output": "estimated_output_tokens"}
    found = (names.get(name, name) for name in COUNTED)
    return tuple(getattr(row, name) if hasattr(row, name) else getattr(row.tokens, f"{name}_tokens") for name in found)


@given(rows())
def test_what_has_no_price_is_counted_in_tokens_with_its_reason(row: UsageRow) -> None:
    one = added([row], adding())
    tokens = row.tokens
    used = sum(
        (tokens.input_tokens, tokens.output_tokens, tokens.cache_read_tokens, tokens.cache_write_5m_tokens,
         tokens.cache_write_1h_tokens, row.estimated_output_tokens)
    )  # fmt: skip
    assert one.used == used
    is_priced = row.tariff.model == "claude-x" or not (used or row.web_searches)
    assert one.unpriced_tokens == (0 if is_priced else used)
    assert bool(one.reasons) != is_priced
    assert one.supposed.cost is None, "nothing was assumed"
    if is_priced and not used and not row.web_searches:
        assert one.found.cost == (Decimal(0) if row.requests else None)
