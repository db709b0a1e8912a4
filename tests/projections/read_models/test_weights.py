"""Weighed by the database, a row of counts is worth what it costs; where a price is not known, nothing is known."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from domain.billing import Tariff
from domain.ranking import Rate
from domain.rate_cards import COUNTED
from ops.db.pool import Pool
from projections.read_models import weights
from projections.registry import projection
from tests.projected import Store

COUNTS = ", ".join(f"{kind} bigint" for kind in COUNTED)
WORTH = (
    f"SELECT round({weights.amount('found', 'rate')}) FROM jsonb_to_record($1::jsonb) AS found({COUNTS}), "
    f"jsonb_to_record($2::jsonb) AS rate({weights.TARIFF_COLUMNS}, {weights.RATE_COLUMNS})"
)
PRICES = (*tuple(Decimal(number) / 10**7 for number in range(1, len(COUNTED))), None)


@pytest.mark.parametrize(
    ("counts", "worth"),
    [
        ((0,) * 7, 0),
        ((1, 1, 1, 1, 1, 1, 0), 2_100),
        ((10**9, 0, 0, 0, 0, 5, 0), 10**11 + 3_000),
        ((1, 0, 0, 0, 0, 0, 1), None),
    ],
)
async def test_a_row_is_worth_what_it_costs(pool: Pool, counts: tuple[int, ...], worth: int | None) -> None:
    tariff = Tariff(model="m", long_context=True)
    row = weights.weight(Rate(tariff, date.min, date.max, PRICES))
    assert (row["model"], row["long_context"], row["speed"]) == ("m", True, "")
    named = dict(zip(COUNTED, counts, strict=True))
    encode = msgspec.json.encode
    assert await pool.fetchval(WORTH, encode(named).decode(), encode(row).decode()) == worth


async def test_tariffs_are_those_of_what_was_used(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("d2_two_agents")
    await store.follow_one(projection("conversations"))
    async with pool.acquire() as connection:
        found = await weights.tariffs(connection)
    used = await store.rows("SELECT DISTINCT model, service_tier FROM read.usage_groups")
    assert {(one.model, one.service_tier) for one in found} == {(row["model"], row["service_tier"]) for row in used}
    assert len(found) == len(set(found))
