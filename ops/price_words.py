"""How are prices typed and told? Words on a command line → prices, prices and what changes → words; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

from domain.price_files import Change
from domain.prices import RATE_KINDS, Factor, Price, Rates, UnfitPriceError, derived
from ops.text_table import text_table

WIDTH = 140
_HEAD = ("models", "from", "input", "output", "read", "write 5m", "write 1h", "also", "by", "source")
_FAR = 30
"""Powers of ten that no price has."""
_ORDER = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedPrice:
    """What was typed for ``nexus prices set``; None: not typed."""

    pattern: str
    """In lower case."""
    effective_from: date
    source: str
    rates: dict[str, str | None]
    """By kind of token."""
    long_context: dict[str, str | None]
    web_search: str | None
    factors: Sequence[str]
    """``service_tier:batch=0.5``."""


def price_typed(typed: TypedPrice, standing: Price | None) -> Price:
    """``standing``: of the same pattern, on that day. Raises UnfitPriceError.

    What is not typed stays as it is there; prices of the cache that nobody ever named follow from the input price by
    Anthropic's rule.
    """
    rates = _rates(typed.rates, standing.rates if standing else None)
    if rates is None or rates.input is None or rates.output is None:
        raise UnfitPriceError(f"Nothing stands for {typed.pattern[:100]} yet: give --input and --output.")
    factors = {(each.kind, each.word): each for each in (standing.factors if standing else ())}
    factors |= {(each.kind, each.word): each for each in map(_factor, typed.factors)}
    searches = _amount(typed.web_search)
    return Price(
        pattern=typed.pattern,
        effective_from=typed.effective_from,
        source=typed.source,
        rates=rates,
        long_context=_rates(typed.long_context, standing.long_context if standing else None),
        web_search=standing.web_search if searches is None and standing else searches,
        factors=tuple(factors[key] for key in sorted(factors)),
    )


def day_typed(word: str | None, today: date) -> date:
    """Raises UnfitPriceError."""
    if word is None or word.strip().lower() == "today":
        return today
    try:
        return date.fromisoformat(word.strip())
    except ValueError:
        raise UnfitPriceError(f"{word[:50]!r} is no day; give it as 2026-09-01.") from None


def prices_table(prices: Sequence[Price], own: Collection[tuple[str, date]]) -> str:
    """A line each, by pattern, then by day. ``own``: the keys of those that are not shipped."""
    rows = [
        (
            price.pattern,
            price.effective_from.isoformat(),
            *(_told(getattr(price.rates, kind)) for kind in _ORDER),
            also(price),
            "own" if price.key in own else "shipped",
            price.source,
        )
        for price in sorted(prices, key=lambda price: price.key)
    ]
    return text_table(_HEAD, rows, WIDTH)


def also(price: Price) -> str:
    """What else the price says: long prompts, searches, factors."""
    words = []
    if price.long_context is not None:
        words.append(f"long {_told(price.long_context.input)}/{_told(price.long_context.output)}")
    if price.web_search is not None:
        words.append(f"search {_told(price.web_search)}/1000")
    return ", ".join((*words, *(f"{each.word} ×{_told(each.factor)}" for each in price.factors)))


def change_text(change: Change) -> str:
    """On one line."""
    before, after = change.before, change.after
    if before is None and after is not None:
        return f"{_name(after)}: new: {_all(after)}"
    if after is None and before is not None:
        return f"{_name(before)}: gone: {_all(before)}"
    assert before is not None
    assert after is not None
    pairs = [*_pairs(before.rates, after.rates, "")]
    if before.long_context is not None and after.long_context is not None:
        pairs += _pairs(before.long_context, after.long_context, "long ")
    pairs.append(("also", also(before) or "nothing", also(after) or "nothing"))
    return f"{_name(after)}: " + ", ".join(
        f"{kind} {was} → {becomes}" for kind, was, becomes in pairs if was != becomes
    )


def _pairs(before: Rates, after: Rates, prefix: str) -> list[tuple[str, str, str]]:
    """What each kind cost and will cost."""
    return [
        (f"{prefix}{kind.replace('_', ' ')}", _told(getattr(before, kind)), _told(getattr(after, kind)))
        for kind in _ORDER
    ]


def _name(price: Price) -> str:
    return f"{price.pattern} from {price.effective_from}"


def _all(price: Price) -> str:
    told = [f"{kind.replace('_', ' ')} {_told(getattr(price.rates, kind))}" for kind in _ORDER]
    return ", ".join([*told, *filter(None, [also(price)])])


def _told(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:f}"


def _rates(words: dict[str, str | None], standing: Rates | None) -> Rates | None:
    """None: neither was anything typed, nor does anything stand."""
    rates = Rates(**{kind: _amount(words.get(kind)) for kind in RATE_KINDS})
    if rates == Rates():
        return standing
    rates = _filled(rates, standing or Rates())
    return rates if rates.input is None else _filled(rates, derived(rates.input))


def _filled(rates: Rates, others: Rates) -> Rates:
    """What is not known there, from the others."""
    return replace(rates, **{kind: getattr(others, kind) for kind in RATE_KINDS if getattr(rates, kind) is None})


def _amount(word: str | None) -> Decimal | None:
    if word is None:
        return None
    try:
        amount = Decimal(word.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount.adjusted()) > _FAR:
        raise UnfitPriceError(f"{word[:50]!r} is no amount: give US dollars, as 12.50.")
    return amount


def _factor(word: str) -> Factor:
    name, _, amount = word.partition("=")
    kind, _, said = name.partition(":")
    factor = _amount(amount or None)
    if factor is None:
        raise UnfitPriceError(f"{word[:100]!r} is no factor: give it as service_tier:batch=0.5.")
    return Factor(kind=kind.strip(), word=said.strip(), factor=factor)
