"""What does a billed line cost? Prices in force on a day, and the formula that turns counts into US dollars; pure.

Prices are US dollars per million tokens (web searches: per thousand). A price stands for a pattern of model names from
a day on, in UTC. Which one holds for a model on a day: among the patterns that fit, the one with the most literal
characters; of that pattern, the newest that has begun. What has no price is ``None`` with a reason, never a guess.

Amounts are exact: nothing is rounded, however large the counts are. Round for the eye only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Context, Decimal
from functools import cache, reduce

from domain.billing import BilledLine, Tariff
from domain.errors import SetupError
from domain.model_names import plain_model

MAX_PRICE = Decimal(1_000_000)
MAX_FACTOR = Decimal(1000)
MAX_TEXT = 300
_MAX_PLACES = 12
_PATTERN = re.compile(r"[a-z0-9*][a-z0-9*._:@/\[\]+-]{0,199}")
_WORD = re.compile(r"[a-z0-9_.-]{1,60}")
_EXACT = Context(prec=200)
"""Enough for the largest count times any price and factors: nothing is ever rounded."""
_MILLION = 6
_THOUSAND = Decimal(1000)
_REMEMBERED = 10_000
"""Models and days whose price a book knows without looking."""
FACTOR_KINDS = ("service_tier", "speed", "inference_geo")
PLAIN_WORDS = frozenset({"", "standard", "global", "not_available"})
"""A tier, a speed or a place that changes no price."""


class UnfitPriceError(SetupError):
    """This cannot stand in a price list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens of each kind; None: not known, so such tokens cannot be priced."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None


RATE_KINDS = tuple(each.name for each in fields(Rates))


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """What all token prices are multiplied by where the answer says this word."""

    kind: str
    """One of ``FACTOR_KINDS``."""
    word: str
    factor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """All prices of the models that a pattern names, from a day on."""

    pattern: str
    """``*`` stands for anything. It is held against the plain name (``domain/model_names.py``) and the name as sent."""
    effective_from: date
    """The first day (UTC) it is in force."""
    source: str
    """Where it is from: page and date, or who said so."""
    rates: Rates
    long_context: Rates | None = None
    """For all tokens of a step whose prompt is long; None: they cost the same."""
    web_search: Decimal | None = None
    """US dollars per thousand searches."""
    factors: tuple[Factor, ...] = ()

    @property
    def key(self) -> tuple[str, date]:
        """There is one price for each pattern and day."""
        return self.pattern, self.effective_from

    def factor_of(self, kind: str, word: str) -> Decimal | None:
        """None: nobody knows what this word does to the price."""
        known = (each.factor for each in self.factors if (each.kind, each.word) == (kind, word))
        return next(known, Decimal(1) if word in PLAIN_WORDS else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One summand: ``count × per_million × factor ÷ 1,000,000 = amount``."""

    kind: str
    """One of ``RATE_KINDS``, ``estimated_output`` or ``web_search``."""
    count: int
    per_million: Decimal
    factor: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What a line costs, and why."""

    amount: Decimal | None
    """US dollars, exact; None: it has no price."""
    terms: tuple[Term, ...] = ()
    price: Price | None = None
    """Which one was in force; its ``source`` says where it is from."""
    reason: str = ""
    """Why there is no amount; empty: there is one."""

    @property
    def estimated(self) -> bool:
        """Whether a part of it rests on an estimate."""
        return any(term.kind == "estimated_output" for term in self.terms)


@dataclass(frozen=True)
class PriceBook:
    """All prices that stand. One for each pattern and day; of two the later in order holds."""

    prices: tuple[Price, ...] = ()
    _found: dict[tuple[str, date], Price | None] = field(default_factory=dict, compare=False, repr=False)

    def price_of(self, line: BilledLine, day: date) -> Priced:
        """``day``: of the request, in UTC."""
        counts = _counts(line)
        if not counts:
            return Priced(amount=Decimal(0))
        price = self.in_force(line.tariff.model, day)
        if price is None:
            return Priced(amount=None, reason=f"no price for model {line.tariff.model or '(unknown)'} on {day}")
        factor = _factor(price, line.tariff)
        if isinstance(factor, str):
            return Priced(amount=None, price=price, reason=factor)
        terms = []
        for kind, count in counts.items():
            per_million = _rate(price, line.tariff, kind)
            if per_million is None:
                return Priced(amount=None, price=price, reason=f"no price for {kind} of model {line.tariff.model}")
            terms.append(_term(kind, count, per_million, Decimal(1) if kind == "web_search" else factor))
        return Priced(amount=total(term.amount for term in terms), terms=tuple(terms), price=price)

    def in_force(self, model: str, day: date) -> Price | None:
        """The price that holds for a model on a day; None: there is none."""
        asked = (model, day)
        if asked not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[asked] = self._search(model, day)
        return self._found[asked]

    def for_model(self, model: str) -> Sequence[Price]:
        """Every price whose pattern fits, whenever it is in force."""
        return [price for price in self.prices if fits(price.pattern, model)]

    def _search(self, model: str, day: date) -> Price | None:
        begun = [price for price in self.for_model(model) if price.effective_from <= day]
        ranked = [(_literals(price.pattern), price.effective_from, place) for place, price in enumerate(begun)]
        return begun[max(ranked)[2]] if ranked else None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum, exact: ``sum`` would round to the digits of the thread's context."""
    return reduce(plus, amounts, Decimal(0))


def plus(one: Decimal, other: Decimal) -> Decimal:
    """Of two, as ``total``."""
    return _EXACT.add(one, other)


def fits(pattern: str, model: str) -> bool:
    """Whether a pattern names a model."""
    names = _regex(pattern)
    return bool(model) and bool(names.fullmatch(plain_model(model)) or names.fullmatch(model.strip().lower()))


def derived(input_price: Decimal) -> Rates:
    """What the cache costs by Anthropic's rule: writes 1.25 (5 minutes) and 2 times the input (1 hour), reads 0.1."""
    return Rates(
        input=input_price,
        cache_read=_plain(_EXACT.multiply(input_price, Decimal("0.1"))),
        cache_write_5m=_plain(_EXACT.multiply(input_price, Decimal("1.25"))),
        cache_write_1h=_plain(_EXACT.multiply(input_price, Decimal(2))),
    )


def check_price(price: Price) -> None:
    """Raises UnfitPriceError."""
    if not _PATTERN.fullmatch(price.pattern):
        raise UnfitPriceError(
            f"{price.pattern[:100]!r} is no pattern of model names: lower-case letters, digits and . _ - : @ / [ ] *"
        )
    check_text(price.source, "source")
    rates = [getattr(side, kind) for side in (price.rates, price.long_context or Rates()) for kind in RATE_KINDS]
    if all(rate is None for rate in rates):
        raise UnfitPriceError(f"The price of {price.pattern} names no amount: give at least input and output.")
    wrong = [rate for rate in (*rates, price.web_search) if rate is not None and not _is_price(rate)]
    if wrong:
        raise UnfitPriceError(f"{wrong[0]} is no price: give US dollars per million tokens, 0 to {MAX_PRICE}.")
    for each in price.factors:
        if each.kind not in FACTOR_KINDS or not _WORD.fullmatch(each.word):
            raise UnfitPriceError(
                f"{each.kind[:60]}:{each.word[:60]} is no factor: name {', '.join(FACTOR_KINDS)}, a colon, and a word."
            )
        if not (_is_price(each.factor) and 0 < each.factor <= MAX_FACTOR):
            raise UnfitPriceError(f"{each.factor} is no factor: give a number above 0, at most {MAX_FACTOR}.")
    if len({(each.kind, each.word) for each in price.factors}) < len(price.factors):
        raise UnfitPriceError(f"The price of {price.pattern} names a factor twice.")


def check_text(text: str, what: str) -> None:
    """Raises UnfitPriceError."""
    if not (0 < len(text.strip()) <= len(text) <= MAX_TEXT and text.isprintable()):
        raise UnfitPriceError(f"A price needs a {what}: 1 to {MAX_TEXT} printable characters.")


def _counts(line: BilledLine) -> dict[str, int]:
    """What there is of each kind, without zeros, in the order of the formula."""
    tokens = line.tokens
    counts = {
        "input": tokens.input_tokens,
        "cache_write_5m": tokens.cache_write_5m_tokens,
        "cache_write_1h": tokens.cache_write_1h_tokens,
        "cache_read": tokens.cache_read_tokens,
        "output": tokens.output_tokens,
        "estimated_output": line.estimated_output_tokens,
        "web_search": line.web_searches,
    }
    return {kind: count for kind, count in counts.items() if count}


def _rate(price: Price, tariff: Tariff, kind: str) -> Decimal | None:
    if kind == "web_search":
        return None if price.web_search is None else _EXACT.multiply(price.web_search, _THOUSAND)
    rates = price.long_context if tariff.long_context and price.long_context is not None else price.rates
    rate: Decimal | None = getattr(rates, kind.removeprefix("estimated_"))
    return rate


def _factor(price: Price, tariff: Tariff) -> Decimal | str:
    """All factors together; a text says which word is unknown."""
    whole = Decimal(1)
    for kind in FACTOR_KINDS:
        word = getattr(tariff, kind)
        factor = price.factor_of(kind, word)
        if factor is None:
            return f"no price for {kind} {word} of model {tariff.model}"
        whole = _EXACT.multiply(whole, factor)
    return whole


def _term(kind: str, count: int, per_million: Decimal, factor: Decimal) -> Term:
    amount = _EXACT.scaleb(_EXACT.multiply(_EXACT.multiply(Decimal(count), per_million), factor), -_MILLION)
    return Term(kind=kind, count=count, per_million=per_million, factor=factor, amount=amount)


def _is_price(rate: Decimal) -> bool:
    return rate.is_finite() and 0 <= rate <= MAX_PRICE and rate == round(rate, _MAX_PLACES)


def _plain(number: Decimal) -> Decimal:
    """Without zeros at the end, and without an exponent."""
    shortest = number.normalize(_EXACT)
    return Decimal(f"{shortest:f}")


def _literals(pattern: str) -> int:
    return len(pattern.replace("*", ""))


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))
