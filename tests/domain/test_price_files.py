"""Is a file of prices read to the last digit, whichever shape it has, and what would it change?"""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.price_files import Change, changes, price_facts, read_prices
from domain.prices import Factor, Price, Rates, UnfitPriceError
from tests.price_samples import DAY, FIVE, price, prices

LITELLM = """{
  "sample_spec": {"input_cost_per_token": 0, "litellm_provider": "one of https://…"},
  "claude-sonnet-4-5": {
    "litellm_provider": "anthropic", "mode": "chat", "max_tokens": 64000,
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    "cache_read_input_token_cost": 3e-07,
    "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
    "cache_read_input_token_cost_above_200k_tokens": 6e-07,
    "input_cost_per_token_batches": 1.5e-06,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.01}
  },
  "anthropic/Claude-X": {
    "litellm_provider": "anthropic", "input_cost_per_token": 0.000005, "output_cost_per_token": 0.1,
    "provider_specific_entry": {"us": 1.1, "fast": 6.0, "other": "x"}, "search_context_cost_per_query": null
  },
  "claude-free": {"litellm_provider": "anthropic", "input_cost_per_token": 0, "output_cost_per_token": 0.0,
                  "input_cost_per_token_batches": 0, "provider_specific_entry": []},
  "claude-image": {"litellm_provider": "anthropic", "input_cost_per_token": "3e-06", "output_cost_per_token": 1e-06},
  "claude-in": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-06},
  "bedrock-claude": {"litellm_provider": "bedrock", "input_cost_per_token": 3e-06, "output_cost_per_token": 1e-06},
  "text": "not an object"
}"""


def read(text: str, **words: Any) -> tuple[Price, ...]:
    said: dict[str, Any] = {"effective_from": DAY, "source": "somewhere"}
    return read_prices(text, **said | words)


@given(st.lists(prices(), min_size=1, max_size=5))
def test_what_is_written_is_read_again(told: list[Price]) -> None:
    text = json.dumps({"prices": [price_facts(one) for one in told]})
    back = read(text, effective_from=date.max, source="elsewhere")
    assert not any(changes([one], [other]) for one, other in zip(told, back, strict=True))
    assert [(one.key, one.source) for one in back] == [(one.key, one.source) for one in told]


def test_our_own_shape() -> None:
    text = """{"source": "a page", "prices": [
        {"models": ["Claude-A", "claude-b-*"], "input": 0.1, "output": "0.3", "cache_read": 1e-2},
        {"models": ["claude-c"], "effective_from": "2025-05-01", "source": "other", "input": 1, "output": 2,
         "long_context": {"input": 2}, "web_search_per_1000": 10,
         "factors": {"speed": {"slow": 0.7, "fast": 6}, "inference_geo": {"us": 1.1}}}
    ]}"""
    rates = Rates(input=Decimal("0.1"), output=Decimal("0.3"), cache_read=Decimal("0.01"))
    assert read(text) == (
        Price(pattern="claude-a", effective_from=DAY, source="a page", rates=rates),
        Price(pattern="claude-b-*", effective_from=DAY, source="a page", rates=rates),
        Price(
            pattern="claude-c",
            effective_from=date(2025, 5, 1),
            source="other",
            rates=Rates(input=Decimal(1), output=Decimal(2)),
            long_context=Rates(input=Decimal(2)),
            web_search=Decimal(10),
            factors=(
                Factor(kind="inference_geo", word="us", factor=Decimal("1.1")),
                Factor(kind="speed", word="fast", factor=Decimal(6)),
                Factor(kind="speed", word="slow", factor=Decimal("0.7")),
            ),
        ),
    )
    unnamed = text.replace('"source": "a page", ', "")
    assert read(unnamed)[0].source == "somewhere"


def test_litellms_shape_is_read_exactly() -> None:
    found = {one.pattern: one for one in read(LITELLM)}
    assert list(found) == ["claude-sonnet-4-5", "claude-x", "claude-free"]
    assert found["claude-sonnet-4-5"] == Price(
        pattern="claude-sonnet-4-5",
        effective_from=DAY,
        source="somewhere",
        rates=Rates(
            input=Decimal(3),
            output=Decimal(15),
            cache_read=Decimal("0.3"),
            cache_write_5m=Decimal("3.75"),
            cache_write_1h=Decimal(6),
        ),
        long_context=Rates(input=Decimal(6), output=Decimal("22.5"), cache_read=Decimal("0.6")),
        web_search=Decimal(10),
        factors=(Factor(kind="service_tier", word="batch", factor=Decimal("0.5")),),
    )
    assert found["claude-x"].factors == (
        Factor(kind="speed", word="fast", factor=Decimal(6)),
        Factor(kind="inference_geo", word="us", factor=Decimal("1.1")),
    )
    assert (found["claude-x"].rates.output, found["claude-x"].web_search) == (Decimal(100_000), None)
    assert (found["claude-free"].rates, found["claude-free"].factors) == (
        Rates(input=Decimal(0), output=Decimal(0)),
        (),
    )
    assert [one.pattern for one in read(LITELLM, provider="bedrock")] == ["bedrock-claude"]


@given(st.decimals(0, 1, places=12))
def test_no_number_passes_through_a_float(per_token: Decimal) -> None:
    for written in (f"{per_token:f}", f"{per_token:E}"):
        costs = f'"input_cost_per_token": {written}, "output_cost_per_token": 0'
        (one,) = read(f'{{"m": {{"litellm_provider": "anthropic", {costs}}}}}')
        assert one.rates.input == per_token * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        "{}",
        '{"prices": []}',
        '{"prices": [{"models": ["a"], "imput": 1}]}',
        '{"prices": [{"models": ["a"], "input": NaN, "output": 1}]}',
        '{"prices": [{"models": ["a"], "input": -1, "output": 1}]}',
        '{"prices": [{"models": ["a"], "input": 1e999999999, "output": 1}]}',
        '{"prices": [{"models": ["a b"], "input": 1, "output": 1}]}',
        '{"prices": [{"models": ["a"], "input": 1, "effective_from": "soon"}]}',
        '{"m": {"litellm_provider": "openai", "input_cost_per_token": 1, "output_cost_per_token": 1}}',
        '{"m": {"litellm_provider": "anthropic", "input_cost_per_token": 1e999999999, "output_cost_per_token": 1}}',
        '{"m": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-999999999, "output_cost_per_token": 1}}',
        '{"m": {"litellm_provider": "anthropic", "input_cost_per_token": Infinity, "output_cost_per_token": 1}}',
    ],
    ids=range(15),
)
def test_what_is_no_file_of_prices_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UnfitPriceError) as raised:
        read(text)
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 600


@given(st.lists(prices(), max_size=6), st.lists(prices(), max_size=6), st.booleans())
def test_changes_are_what_differs(standing: list[Price], wanted: list[Price], removes: bool) -> None:
    """The oracle: go from one dictionary to the other by the changes."""
    now, then = {one.key: one for one in standing}, {one.key: one for one in wanted}
    found = changes(standing, wanted, removes=removes)
    after = dict(now)
    for change in found:
        key = (change.after or change.before or price()).key
        assert change.before == now.get(key)
        after.pop(key, None)
        if change.after is not None:
            after[key] = change.after
    meant = then if removes else now | then
    assert {key: replace(one, source="") for key, one in after.items()} == {
        key: replace(one, source="") for key, one in meant.items()
    }
    assert all(change.before is None or change.after is None or change.before != change.after for change in found)


def test_a_source_alone_is_no_change_nor_is_the_order_of_factors() -> None:
    told = price()
    assert changes([told], [replace(told, source="x", factors=told.factors[::-1])]) == []
    assert changes([told], [replace(told, factors=told.factors[:1])]) == [
        Change(told, replace(told, factors=told.factors[:1]))
    ]
    later = replace(told, effective_from=DAY + timedelta(1))
    assert changes([told], [later]) == [Change(None, later)]
    assert changes([told], [later], removes=True) == [Change(told, None), Change(None, later)]
    assert changes([told], [told], removes=True) == []


def test_what_is_not_known_is_left_out_of_a_file() -> None:
    bare = Price(pattern="a", effective_from=DAY, source="s", rates=replace(FIVE, cache_read=None))
    assert price_facts(bare) == {
        "models": ["a"],
        "effective_from": "2026-01-01",
        "source": "s",
        "input": "5",
        "output": "25",
        "cache_write_5m": "6.25",
        "cache_write_1h": "10",
    }
