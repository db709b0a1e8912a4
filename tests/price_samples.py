"""Prices and billed lines that tests share."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.billing import BilledLine, Tariff
from domain.prices import Factor, Price, Rates
from domain.usage import TokenCounts

DAY = date(2026, 1, 1)
FIVE = Rates(
    input=Decimal(5),
    output=Decimal(25),
    cache_read=Decimal("0.5"),
    cache_write_5m=Decimal("6.25"),
    cache_write_1h=Decimal(10),
)
TEN = Rates(
    input=Decimal(10),
    output=Decimal("37.5"),
    cache_read=Decimal(1),
    cache_write_5m=Decimal("12.5"),
    cache_write_1h=Decimal(20),
)
FACTORS = (
    Factor(kind="inference_geo", word="us", factor=Decimal("1.1")),
    Factor(kind="service_tier", word="batch", factor=Decimal("0.5")),
    Factor(kind="speed", word="fast", factor=Decimal(6)),
)
WORDS = ["", "standard", "batch", "fast", "us", "priority"]


def price(pattern: str = "claude-opus-4-8", **members: Any) -> Price:
    """All it can say, unless it is said otherwise."""
    said: dict[str, Any] = {"effective_from": DAY, "source": "a page", "rates": FIVE, "long_context": TEN}
    return Price(pattern=pattern, **said | {"web_search": Decimal(10), "factors": FACTORS} | members)


def amounts() -> st.SearchStrategy[Decimal]:
    return st.decimals(0, 1_000_000, places=6)


def rates() -> st.SearchStrategy[Rates]:
    """Any of them may be unknown, but for the input."""
    maybe = st.none() | amounts()
    return st.builds(Rates, input=amounts(), output=maybe, cache_read=maybe, cache_write_5m=maybe, cache_write_1h=maybe)


def factors() -> st.SearchStrategy[tuple[Factor, ...]]:
    known = st.dictionaries(
        st.tuples(st.sampled_from(["service_tier", "speed", "inference_geo"]), st.sampled_from(WORDS[1:])),
        st.decimals("0.01", 100, places=2),
        max_size=5,
    )
    return known.map(
        lambda found: tuple(
            Factor(kind=kind, word=word, factor=factor) for (kind, word), factor in sorted(found.items())
        )
    )


def prices(pattern: str | None = None) -> st.SearchStrategy[Price]:
    names = st.sampled_from(["claude-opus-4-8", "claude-*", "gpt-4.1"]) if pattern is None else st.just(pattern)
    return st.builds(
        Price,
        pattern=names,
        effective_from=st.dates(date(2024, 1, 1), DAY),
        source=st.sampled_from(["a page", "a contract, 2026"]),
        rates=rates(),
        long_context=st.none() | rates(),
        web_search=st.none() | amounts(),
        factors=factors(),
    )


def whole_prices(pattern: str) -> st.SearchStrategy[Price]:
    """Nothing is unknown: every line of ``billed_lines(known=True)`` has a price."""
    all_rates = st.builds(
        Rates,
        input=amounts(),
        output=amounts(),
        cache_read=amounts(),
        cache_write_5m=amounts(),
        cache_write_1h=amounts(),
    )
    return st.builds(
        price, pattern=st.just(pattern), rates=all_rates, long_context=st.none() | all_rates, web_search=amounts()
    )


def billed_lines(*, known: bool = False) -> st.SearchStrategy[BilledLine]:
    """``known``: with words that ``FACTORS`` know."""
    counts = st.sampled_from([0, 0, 1]) | st.integers(0, 10**7) | st.just(2**63 - 1)
    tier, speed, geo = (st.sampled_from(["", "standard", word] if known else WORDS) for word in ("batch", "fast", "us"))
    return st.builds(
        BilledLine,
        tariff=st.builds(
            Tariff,
            model=st.sampled_from(["claude-opus-4-8", "gpt-4.1"]),
            service_tier=tier,
            speed=speed,
            inference_geo=geo,
            long_context=st.booleans(),
        ),
        tokens=st.builds(
            TokenCounts,
            input_tokens=counts,
            output_tokens=counts,
            cache_read_tokens=counts,
            cache_write_5m_tokens=counts,
            cache_write_1h_tokens=counts,
        ),
        estimated_output_tokens=st.sampled_from([0, 0, 7]),
        web_searches=st.sampled_from([0, 0, 3]),
    )
