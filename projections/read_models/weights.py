"""What is money weighed with where the database ranks by it? Prices in billionths of a US dollar, in floating point.

They rank; whoever shows an amount reckons it exactly.
"""

from collections.abc import Mapping

from domain.billing import Tariff
from domain.ranking import Rate
from domain.rate_cards import COUNTED
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

SELECT_TARIFFS = """
SELECT DISTINCT model, service_tier, speed, inference_geo, long_context FROM read.usage_groups
"""
TARIFF_COLUMNS = "model text, service_tier text, speed text, inference_geo text, long_context boolean"
RATE_COLUMNS = ", ".join(f"{kind} float8" for kind in COUNTED)
_BILLIONTHS = 10**9


def amount(counts: str, rates: str) -> str:
    """SQL of what a row of counts is worth, by these aliases; null: something of it has no price."""
    return " + ".join(
        f"CASE {counts}.{kind} WHEN 0 THEN 0 ELSE {counts}.{kind} * {rates}.{kind} END" for kind in COUNTED
    )


async def tariffs(connection: Connection) -> list[Tariff]:
    """Every one that anything was used under."""
    return [Tariff(**row) for row in await rows(connection, SELECT_TARIFFS)]


def weight(rate: Rate) -> Mapping[str, object]:
    """A row of ``TARIFF_COLUMNS`` and ``RATE_COLUMNS``."""
    tariff = rate.tariff
    each = (None if amount is None else float(amount * _BILLIONTHS) for amount in rate.each)
    return {
        "model": tariff.model,
        "service_tier": tariff.service_tier,
        "speed": tariff.speed,
        "inference_geo": tariff.inference_geo,
        "long_context": tariff.long_context,
        **dict(zip(COUNTED, each, strict=True)),
    }
