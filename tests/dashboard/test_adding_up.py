"""Sums add up in any order and in any parts, and say what of them has no price."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.adding_up import COUNTED, Adding, UsageSum
from domain.prices import PriceBook
from domain.rate_cards import RateCards
from domain.usage_sums import COUNTS, UsageSeries
from domain.what_if import WhatIf
from tests.price_samples import TEN, price
from tests.usage_samples import usage_series

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOOK = PriceBook((price("claude-*", effective_from=date.min), price("claude-*", rates=TEN)))
DAY = date(2026, 1, 1)
counts = st.integers(0, 10**9)


def adding(what_if: WhatIf | None = None) -> Adding:
    return Adding(what_if or WhatIf(), RateCards(BOOK), RateCards(BOOK))


@st.composite
def points(draw: st.DrawFn) -> UsageSeries:
    return usage_series(
        draw(st.sampled_from(["claude-x", "llama"])),
        bucket=draw(st.sampled_from([None, NOON])),
        priced_on=draw(st.sampled_from([None, DAY])),
        subscription=draw(st.booleans()),
        **{name: draw(counts if name.endswith("tokens") else st.integers(0, 9)) for name in COUNTS},
    )


def added(each: Sequence[UsageSeries], how: Adding) -> UsageSum:
    """In all buckets together."""
    sums, whole = defaultdict[Any, UsageSum](UsageSum), UsageSum()
    for one in each:
        how.add(sums, one, estimated=counts_of(one)["estimated_output_tokens"] > 0)
    for each_sum in sums.values():
        whole.take(each_sum)
    return whole


def counts_of(one: UsageSeries) -> dict[str, int]:
    return dict(zip(COUNTS, one.points[0].counts, strict=True))


@given(st.lists(points(), max_size=8), st.integers(0, 8), st.randoms(use_true_random=False))
def test_parts_add_up_to_the_whole_in_any_order(each: list[UsageSeries], cut: int, random: Random) -> None:
    how = adding(WhatIf(no_cache=True))
    whole = added(each, how)
    parts = [added(each[:cut], how), added(each[cut:], how)]
    random.shuffle(parts)
    together = UsageSum()
    for part in parts:
        together.take(part)
    assert {**told(together), "reasons": set(together.reasons)} == {**told(whole), "reasons": set(whole.reasons)}
    assert whole.counts == [sum(one.points[0].counts[place] for one in each) for place in range(len(COUNTED))]


@given(st.lists(points(), min_size=1, max_size=5))
def test_points_of_one_series_are_as_good_as_series_of_one_point(each: list[UsageSeries]) -> None:
    """Whatever the order of their days: each has the prices of its own."""
    alike = [replace(one, tariff=each[0].tariff, subscription=False) for one in each]
    together = replace(alike[0], points=[point for one in alike for point in one.points])
    apart, whole = defaultdict[Any, UsageSum](UsageSum), defaultdict[Any, UsageSum](UsageSum)
    for one in alike:
        adding(WhatIf(lifetime="1h")).add(apart, one, estimated=False)
    adding(WhatIf(lifetime="1h")).add(whole, together, estimated=False)
    assert {bucket: told(one) for bucket, one in whole.items()} == {bucket: told(one) for bucket, one in apart.items()}


def test_each_point_has_the_price_of_its_day() -> None:
    one = usage_series("claude-x", input_tokens=1_000_000, priced_on=None)
    point = one.points[0]
    days = [point, point._replace(priced_on=DAY), point, point._replace(priced_on=DAY), point._replace(priced_on=DAY)]
    assert added([replace(one, points=days)], adding()).found.cost == 2 * 5 + 3 * 10


def told(one: UsageSum) -> dict[str, object]:
    names = ("counts", "unpriced_tokens", "estimated", "api_equivalent", "used")
    return {name: getattr(one, name) for name in names} | {"cost": one.found.cost, "supposed": one.supposed.cost}


def test_what_is_counted_has_its_name() -> None:
    names = [COUNTED[place].removesuffix("_tokens") for place in range(len(COUNTED))]
    assert names == [name.removesuffix("_tokens") for name in COUNTS]


@given(points())
def test_what_has_no_price_is_counted_in_tokens_with_its_reason(row: UsageSeries) -> None:
    one, said = added([row], adding()), counts_of(row)
    used = sum(said[name] for name in COUNTS if name.endswith("tokens") and name != "thinking_tokens")
    assert one.used == used
    is_priced = row.tariff.model == "claude-x" or not (used or said["web_searches"])
    assert one.unpriced_tokens == (0 if is_priced else used)
    assert bool(one.reasons) != is_priced
    assert one.supposed.cost is None, "nothing was assumed"
    if not used and not said["web_searches"]:
        assert one.found.cost == (Decimal(0) if said["requests"] else None)
    elif is_priced:
        assert one.found.cost


def test_what_could_not_be_recorded_is_not_free_and_takes_nothing_from_the_rest() -> None:
    how = adding(WhatIf(model="claude-y"))
    lost, free = usage_series("claude-x", requests=1, unrecorded=1), usage_series("claude-x", requests=1)
    paid = usage_series("claude-x", requests=1, input_tokens=7)
    for others, expected in (((), None), ((free,), None), ((paid,), added([paid], how).found.cost)):
        whole = added([lost, *others], how)
        assert (whole.found.cost, whole.supposed.cost is None) == (expected, expected is None)
    assert expected is not None
