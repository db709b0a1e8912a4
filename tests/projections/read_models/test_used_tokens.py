"""What keys and accounts used lately: the same as a plain loop over the rows, by an index, and nobody else's."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.pool import Pool
from projections.read_models import used_tokens
from projections.read_models.requests import RequestRow
from projections.read_models.used_tokens import used_by_accounts, used_by_keys
from tests.pool_runner import PoolRunner
from tests.stored_rows import START, make_live, request_row, stored
from tests.stored_rows import Stored as Row

KEYS, ACCOUNTS = ("abcdefgh", "hgfedcba"), ("acme", "zoo")
FIELDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
on_one_database = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def rows(draw: st.DrawFn) -> list[RequestRow]:
    return [
        request_row(
            number,
            received_at=START + timedelta(minutes=draw(st.integers(0, 4))),
            key_id=draw(st.sampled_from([*KEYS, None])),
            account=draw(st.sampled_from([*ACCOUNTS, None])),
            thinking_tokens=draw(st.none() | st.just(10**6)),
            **{field: draw(st.none() | st.integers(0, 2**40)) for field in FIELDS},
        )
        for number in range(1, draw(st.integers(1, 12)) + 1)
    ]


def tokens(row: RequestRow) -> int:
    return sum(getattr(row, field) or 0 for field in FIELDS)


@on_one_database
@given(rows(), st.integers(-1, 4))
def test_it_is_the_sum_of_the_rows_since_then(
    runner_pool: PoolRunner, given_rows: list[RequestRow], minute: int
) -> None:
    since = START + timedelta(minutes=minute)
    lately = [row for row in given_rows if row.received_at > since and row.key_id]

    async def work(pool: Pool) -> None:
        await make_live(pool)
        async with stored(pool, [Row(row, None) for row in given_rows]) as connection:
            by_key = await used_by_keys(connection, [*KEYS, "unused00"], since)
            by_account = await used_by_accounts(connection, ACCOUNTS[:1], since)
        assert by_key == {key: sum(tokens(row) for row in lately if row.key_id == key) for key in [*KEYS, "unused00"]}
        assert by_account == {"acme": sum(tokens(row) for row in lately if row.account == "acme")}

    runner_pool.run(work)


async def test_before_the_first_projector_nothing_was_used(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await used_by_keys(connection, KEYS, START) == dict.fromkeys(KEYS, 0)
        assert await used_by_accounts(connection, ACCOUNTS, START) == dict.fromkeys(ACCOUNTS, 0)


async def test_nobody_asked_for_asks_nobody(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await used_by_keys(connection, (), START) == {}


def indexes(plan: dict[str, Any]) -> set[str]:
    own = {plan["Index Name"]} if "Index Name" in plan else set()
    return own | {name for below in plan.get("Plans", []) for name in indexes(below)}


@pytest.mark.parametrize(
    ("query", "names", "index"),
    [
        (used_tokens.SELECT_BY_KEY, KEYS, "requests_by_key"),
        (used_tokens.SELECT_BY_ACCOUNT, ACCOUNTS, "requests_by_account"),
    ],
)
async def test_an_index_finds_them_among_many(pool: Pool, query: str, names: tuple[str, ...], index: str) -> None:
    await make_live(pool)
    many = [
        request_row(
            number,
            received_at=START + timedelta(seconds=number),
            key_id=KEYS[0] if number % 100 == 0 else f"other{number % 50:03}",
            account=ACCOUNTS[0] if number % 100 == 0 else f"account {number % 90}",
        )
        for number in range(1, 3000)
    ]
    async with stored(pool, [Row(row, None) for row in many]) as connection:
        await connection.execute("ANALYZE")
        await connection.execute("SET LOCAL random_page_cost = 1.1")  # a few thousand rows stand for millions
        said = await connection.fetchval("EXPLAIN (FORMAT JSON) " + query, list(names), START)
        assert indexes(json.loads(said)[0]["Plan"]) == {index}
