"""Which prices does a file hold, and what would change if they stood? JSON text in, prices out; pure.

Two shapes are read: our own (``schemas/price_file.py``) and that of LiteLLM's ``model_prices_and_context_window.json``,
whose amounts are per token. Numbers are read from the text as decimals and never pass through a float: ``1.25e-06`` is
1.25 per million, exactly.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from domain.prices import FACTOR_KINDS, RATE_KINDS, Factor, Price, Rates, UnfitPriceError, check_price
from schemas.price_file import PriceFacts, PriceFile, RateFacts

_PER_TOKEN = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}
_LONG = "_above_200k_tokens"
_SEARCH = ("search_context_cost_per_query", "search_context_size_medium")
_MILLION, _THOUSAND = 6, 3
_FAR = 30
"""Powers of ten that no price has."""


def read_prices(text: str, *, effective_from: date, source: str, provider: str = "anthropic") -> tuple[Price, ...]:
    """Raises UnfitPriceError.

    ``effective_from`` and ``source`` hold where the file names none. LiteLLM's models are read of one ``provider``.
    """
    try:
        value = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        raise UnfitPriceError(f"This is no JSON: {str(error)[:200]}.") from None
    if not isinstance(value, dict):
        raise UnfitPriceError("This is no file of prices: give an object with the member `prices`, or LiteLLM's file.")
    if isinstance(value.get("prices"), list):
        found = _own(value, effective_from, source)
    else:
        found = tuple(_litellm(value, effective_from, source, provider))
    if not found:
        raise UnfitPriceError(f"There is no price in it; of LiteLLM's file, models of provider {provider} are read.")
    for price in found:
        check_price(price)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """What of one pattern and day differs."""

    before: Price | None
    """None: it is new."""
    after: Price | None
    """None: it is gone."""


def changes(standing: Iterable[Price], wanted: Iterable[Price], *, removes: bool = False) -> Sequence[Change]:
    """What would change if ``wanted`` stood too; ``removes``: and nothing else. By pattern, then by day.

    A price that differs in its source alone is the same.
    """
    now, then = {price.key: price for price in standing}, {price.key: price for price in wanted}
    keys = now.keys() | then.keys() if removes else then.keys()
    pairs = [(now.get(key), then.get(key)) for key in sorted(keys)]
    return [Change(before, after) for before, after in pairs if not _is_same(before, after)]


def price_facts(price: Price) -> dict[str, Any]:
    """As in a file that ``read_prices`` takes; amounts as decimal strings."""
    facts: dict[str, Any] = {
        "models": [price.pattern],
        "effective_from": price.effective_from.isoformat(),
        "source": price.source,
        **_rate_facts(price.rates),
    }
    if price.long_context is not None:
        facts["long_context"] = _rate_facts(price.long_context)
    if price.web_search is not None:
        facts["web_search_per_1000"] = f"{price.web_search:f}"
    factors = {
        kind: {each.word: f"{each.factor:f}" for each in price.factors if each.kind == kind} for kind in FACTOR_KINDS
    }
    if any(factors.values()):
        facts["factors"] = {kind: words for kind, words in factors.items() if words}
    return facts


def _own(value: Mapping[str, Any], effective_from: date, source: str) -> tuple[Price, ...]:
    try:
        file = PriceFile.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UnfitPriceError(f"The file is wrong at {where[:200]}: {first['msg']}.") from None
    return tuple(
        _price_of(model, facts, facts.effective_from or effective_from, facts.source or file.source or source)
        for facts in file.prices
        for model in facts.models
    )


def _price_of(model: str, facts: PriceFacts, effective_from: date, source: str) -> Price:
    return Price(
        pattern=model.strip().lower(),
        effective_from=effective_from,
        source=source,
        rates=_rates(facts),
        long_context=None if facts.long_context is None else _rates(facts.long_context),
        web_search=facts.web_search_per_1000,
        factors=tuple(
            Factor(kind=kind, word=word, factor=factor)
            for kind, words in sorted(facts.factors.items())
            for word, factor in sorted(words.items())
        ),
    )


def _rates(facts: RateFacts) -> Rates:
    return Rates(**{kind: getattr(facts, kind) for kind in RATE_KINDS})


def _litellm(value: Mapping[str, Any], effective_from: date, source: str, provider: str) -> Iterable[Price]:
    """Models of the provider that have a price for text; of a name in upper and lower case the later one."""
    found = dict[str, Price]()
    for name, facts in value.items():
        if not isinstance(facts, dict) or facts.get("litellm_provider") != provider:
            continue
        rates = _per_million(facts, "")
        if rates.input is None or rates.output is None:
            continue
        long = _per_million(facts, _LONG)
        pattern = name.strip().lower().removeprefix(f"{provider}/")
        found[pattern] = Price(
            pattern=pattern,
            effective_from=effective_from,
            source=source,
            rates=rates,
            long_context=None if long == Rates() else long,
            web_search=_search_price(facts),
            factors=_litellm_factors(facts, rates),
        )
    return found.values()


def _per_million(facts: Mapping[str, Any], ending: str) -> Rates:
    names = {kind: name + ending for kind, name in _PER_TOKEN.items()}
    return Rates(**{kind: _scaled(facts.get(name), _MILLION) for kind, name in names.items()})


def _search_price(facts: Mapping[str, Any]) -> Decimal | None:
    by_size = facts.get(_SEARCH[0])
    return _scaled(by_size.get(_SEARCH[1]), _THOUSAND) if isinstance(by_size, dict) else None


def _litellm_factors(facts: Mapping[str, Any], rates: Rates) -> tuple[Factor, ...]:
    """Batches by their price, the rest by the multipliers that the file names for the provider."""
    told = facts.get("provider_specific_entry")
    words = told if isinstance(told, dict) else {}
    batch, full = _scaled(facts.get("input_cost_per_token_batches"), _MILLION), rates.input
    named = [
        ("service_tier", "batch", batch / full if batch is not None and full else None),
        ("speed", "fast", words.get("fast")),
        ("inference_geo", "us", words.get("us")),
    ]
    return tuple(
        Factor(kind=kind, word=word, factor=factor) for kind, word, factor in named if isinstance(factor, Decimal)
    )


def _scaled(amount: object, places: int) -> Decimal | None:
    """``5e-06`` per token → ``5`` per million; None: no number."""
    if not isinstance(amount, Decimal) or not amount.is_finite():
        return None
    if amount and abs(amount.adjusted()) > _FAR:
        return amount  # no price, and written out it would fill the memory: who checks it says so
    return Decimal(f"{amount.scaleb(places).normalize():f}")


def _rate_facts(rates: Rates) -> dict[str, str]:
    told = {kind: getattr(rates, kind) for kind in RATE_KINDS}
    return {kind: f"{rate:f}" for kind, rate in told.items() if rate is not None}


def _is_same(before: Price | None, after: Price | None) -> bool:
    if before is None or after is None:
        return before is after
    return replace(before, source="", factors=()) == replace(after, source="", factors=()) and set(
        before.factors
    ) == set(after.factors)
