"""Waste costs what was paid less what reading would have cost, and is ranked by that."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.cache_misses import Rewritten
from domain.cache_waste import EXAMPLES, Waste, cost_of, costed, ranked, rewritten_tokens, totals
from domain.prices import Factor, Price, PriceBook, Rates
from domain.rate_cards import RateCards
from tests.price_samples import TEN, price

DAY = date(2026, 11, 22)
COUNTS = st.integers(0, 10**7)
REWRITTEN = st.builds(Rewritten, COUNTS, COUNTS, COUNTS)


def price_of(line: BilledLine, _: date) -> Decimal | None:
    """Ten dollars a million, five minutes 12.5, an hour 20, a read 1; ``unknown`` has no price."""
    if line.tariff.model == "unknown":
        return None
    tokens = line.tokens
    thousandths = (
        tokens.input_tokens * 10_000
        + tokens.cache_write_5m_tokens * 12_500
        + tokens.cache_write_1h_tokens * 20_000
        + tokens.cache_read_tokens * 1_000
    )
    return Decimal(thousandths) / 10**9


SAME = PriceBook((price("m", effective_from=date.min, rates=TEN),))
"""The same as a book."""


def waste(key: str | None, cause: str, rewritten: Rewritten, number: int = 1, model: str = "m") -> Waste:
    return Waste(
        key=key,
        cause=cause,
        tariff=Tariff(model=model),
        day=DAY,
        requests=2,
        estimated=1,
        unsure=1,
        rewritten=rewritten,
        examples=((rewritten.tokens, UUID(int=number)), (0, UUID(int=number + 100))),
    )


@given(REWRITTEN)
def test_the_cost_is_the_difference_of_prices(rewritten: Rewritten) -> None:
    want = rewritten.fresh * Decimal(9) + rewritten.write_5m * Decimal("11.5") + rewritten.write_1h * Decimal(19)
    assert cost_of(Tariff(model="m"), DAY, rewritten, price_of) == want / 10**6
    assert cost_of(Tariff(model="unknown"), DAY, rewritten, price_of) is None


def no_price_of_reads(line: BilledLine, day: date) -> Decimal | None:
    return None if line.tokens.cache_read_tokens else price_of(line, day)


def test_without_a_price_of_reading_there_is_no_cost() -> None:
    assert cost_of(Tariff(model="m"), DAY, Rewritten(write_5m=1), no_price_of_reads) is None


WASTES = st.lists(
    st.builds(
        waste,
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["ttl_lapsed", "unknown", "tools_changed"]),
        REWRITTEN,
        st.integers(1, 50),
        st.sampled_from(["m", "unknown"]),
    )
)


@given(WASTES)
def test_groups_add_up_and_the_dearest_is_first(wastes: list[Waste]) -> None:
    found = costed(wastes, RateCards(SAME))
    groups = ranked(found, 10)
    assert [ranked(found, most) for most in range(3)] == [groups[:most] for most in range(3)]
    assert {group.key for group in groups} == {one.key for one in wastes}
    for group in groups:
        own = [one for one in wastes if one.key == group.key]
        assert group.rewritten_tokens == sum(one.rewritten.tokens for one in own)
        assert group.requests == 2 * len(own)
        costs = [cost_of(one.tariff, one.day, one.rewritten, price_of) for one in own]
        known = [cost for cost in costs if cost is not None]
        assert group.cost_usd == (sum(known, Decimal(0)) if len(known) == len(costs) else None)
        assert len({cause.cause for cause in group.causes}) == len(group.causes)
        for cause in group.causes:
            of = [one for one in own if one.cause == cause.cause]
            assert cause.rewritten.cache_write_5m_tokens == sum(one.rewritten.write_5m for one in of)
            assert (cause.requests, cause.estimated, cause.unsure) == (2 * len(of), len(of), len(of))
            most = sorted((example for one in of for example in one.examples), reverse=True)[:EXAMPLES]
            assert cause.examples == [request_id for _, request_id in most]
        dear = [cause.cost_usd or Decimal(0) for cause in group.causes]
        assert dear == sorted(dear, reverse=True)
    dear = [group.cost_usd or Decimal(0) for group in groups]
    assert dear == sorted(dear, reverse=True)
    said = totals(1000, 10**9, found)
    assert said.rewritten_tokens == sum(one.rewritten.tokens for one in wastes)
    assert said.misses == 2 * len(wastes)
    assert said.unexplained == 2 * sum(one.cause == "unknown" for one in wastes)
    assert said.rewritten_share == said.rewritten_tokens / 10**9


BOOK = PriceBook(
    (
        Price(
            pattern="m",
            effective_from=date(2025, 1, 1),
            source="test",
            rates=Rates(input=Decimal("0.3"), cache_read=Decimal("0.03"), cache_write_5m=Decimal("0.375")),
            long_context=Rates(input=Decimal(6), cache_read=Decimal("0.6"), cache_write_5m=Decimal("7.5")),
            factors=(Factor(kind="speed", word="fast", factor=Decimal("1.1")),),
        ),
    )
)
"""Nobody knows what an hour costs."""
TARIFFS = st.builds(
    Tariff,
    model=st.sampled_from(["m", "unknown"]),
    speed=st.sampled_from(["", "fast", "warp"]),
    long_context=st.booleans(),
)


@given(TARIFFS, st.builds(Rewritten, COUNTS, st.sampled_from([0, 0, 3]), COUNTS))
def test_priced_by_the_token_it_comes_to_the_same(tariff: Tariff, rewritten: Rewritten) -> None:
    def amount(line: BilledLine, day: date) -> Decimal | None:
        return BOOK.price_of(line, day).amount

    one = replace(waste("a", "unknown", rewritten), tariff=tariff)
    assert [each.cost for each in costed([one], RateCards(BOOK))] == [cost_of(tariff, DAY, rewritten, amount)]


def test_of_nothing_nothing_is_wasted() -> None:
    said = totals(0, 0, [])
    assert (said.rewritten_share, said.cost_usd, said.misses) == (0.0, Decimal(0), 0)


def test_tokens_are_told_by_what_they_were_paid_as() -> None:
    said = rewritten_tokens(Rewritten(1, 2, 4))
    assert (said.cache_write_5m_tokens, said.cache_write_1h_tokens, said.input_tokens, said.tokens) == (1, 2, 4, 7)
