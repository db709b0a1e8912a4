"""Parts of bodies: each stored once, with few questions, also by several writers at once."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import AppendConflictError
from domain.parts import CutBody, cut
from domain.recutting import Part
from ops.db.compression import unpack
from ops.db.event_store import PostgresShipStore
from ops.db.part_writer import ScopedCut, insert_parts
from ops.db.pool import Pool
from tests.shipping import TestJournal, exchange
from tests.strategies import Json, request_bodies

KEY = b"k" * 32
IN_ONE_DATABASE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def insert(pool: Pool, *bodies: ScopedCut) -> int:
    """How many statements on parts it took."""
    statements: list[str] = []
    async with pool.acquire() as connection, connection.transaction():
        connection.add_query_logger(lambda query: statements.append(query.query))
        await insert_parts(connection, bodies)
    return sum("parts" in statement for statement in statements)


async def stored(pool: Pool) -> dict[tuple[int, bytes], bytes]:
    rows = await pool.fetch("SELECT * FROM parts")
    return {(row["scope_id"], row["key"]): unpack(row["codec"], row["data"], row["raw_length"]) for row in rows}


def parts_of(*bodies: ScopedCut) -> dict[tuple[int, bytes], bytes]:
    return {(scope_id, part.key): part.data for scope_id, body in bodies for part in body.parts.values()}


def conversation(turns: int, start: int = 0) -> CutBody:
    """A body whose history grows; no two messages are equal."""
    messages = [{"role": "user", "content": f"message {start + n} " + "words " * 30} for n in range(turns)]
    return cut(json.dumps({"model": "m", "messages": messages}).encode(), KEY)


async def test_every_part_of_a_body_is_stored(pool: Pool) -> None:
    body = conversation(300)
    await insert(pool, (1, body))
    assert await stored(pool) == parts_of((1, body))


async def test_an_opaque_body_is_one_part(pool: Pool) -> None:
    body = cut(b"\x1f\x8b no JSON", KEY)
    await insert(pool, (1, body))
    assert list((await stored(pool)).values()) == [b"\x1f\x8b no JSON"]


async def test_the_same_body_again_costs_one_question_and_no_row(pool: Pool) -> None:
    body = conversation(300)
    await insert(pool, (1, body))
    before = await pool.fetchval("SELECT sum(xmin::text::bigint) FROM parts")
    assert await insert(pool, (1, body)) == 1
    assert await pool.fetchval("SELECT sum(xmin::text::bigint) FROM parts") == before


async def test_a_grown_history_asks_by_levels_and_for_what_may_be_new_only(pool: Pool) -> None:
    await insert(pool, (1, conversation(640)))
    asked: list[int] = []

    async with pool.acquire() as connection, connection.transaction():
        connection.add_query_logger(lambda query: asked.append(len(query.args[1]) if "wanted" in query.query else 0))
        await insert_parts(connection, [(1, conversation(641))])
    assert len(asked) <= 5
    assert sum(asked) <= 50


async def test_equal_bytes_of_two_scopes_are_two_parts(pool: Pool) -> None:
    body = conversation(3)
    await insert(pool, (1, body), (2, body))
    assert await stored(pool) == parts_of((1, body), (2, body))
    assert len(parts_of((1, body), (2, body))) == 2 * len(body.parts)


async def test_nothing_to_store_asks_nothing(pool: Pool) -> None:
    assert await insert(pool) == 0


@IN_ONE_DATABASE
@given(bodies=st.lists(request_bodies(), min_size=1, max_size=4), scope_id=st.integers(1, 2**31 - 1))
async def test_whatever_is_sent_everything_under_the_roots_is_stored(
    pool: Pool, bodies: list[Json], scope_id: int
) -> None:
    cuts = [(scope_id, cut(json.dumps(body).encode(), KEY)) for body in bodies]
    for one in (*cuts, *cuts):
        await insert(pool, one)
    found = await stored(pool)
    expected = parts_of(*cuts)
    assert {part: found.get(part) for part in expected} == expected


async def test_a_run_that_is_stored_is_not_opened(pool: Pool) -> None:
    # Whoever has a run has its children: they were committed together.
    child = Part(b"c" * 16, b"child")
    run = Part(b"r" * 16, b"run", (child.key,))
    reference = cut(b"x", KEY).reference.model_copy(update={"kind": "run", "key": run.key.hex()})
    body = CutBody(reference, {run.key: run, child.key: child})
    insert_run = "INSERT INTO parts (scope_id, key, codec, raw_length, data) VALUES (1, $1, 0, 3, 'run')"
    await pool.execute(insert_run, run.key)
    await insert(pool, (1, body))
    assert list(await stored(pool)) == [(1, run.key)]
    await insert(pool, (2, body))
    assert {key for scope_id, key in await stored(pool) if scope_id == 2} == {run.key, child.key}


async def test_rows_are_inserted_in_the_order_of_their_keys(pool: Pool) -> None:
    # Two writers that share parts then wait for each other in one direction only.
    await insert(pool, (2, conversation(40)), (1, conversation(40, start=20)))
    rows = await pool.fetch("SELECT scope_id, key FROM parts ORDER BY ctid")
    assert [tuple(row) for row in rows] == sorted(tuple(row) for row in rows)


async def test_writers_that_share_parts_do_not_lock_each_other_out(pool: Pool) -> None:
    async def write(bodies: Sequence[ScopedCut]) -> None:
        await insert(pool, *bodies)

    bodies = [(1, conversation(60, start=5 * n)) for n in range(8)]
    try:
        await asyncio.gather(*(write([bodies[n], bodies[-n - 1]]) for n in range(8)))
    except asyncpg.DeadlockDetectedError:
        pytest.fail("two writers waited for each other in a circle")
    assert await stored(pool) == parts_of(*bodies)


async def test_parts_that_were_rolled_back_are_stored_with_the_next_batch(pool: Pool) -> None:
    """What is stored is asked of the store: a part whose transaction failed is not there."""
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=lambda count: b"k" * count)
    journal, body = await TestJournal.opened(store), conversation(20)
    batch = journal.batch(exchange(3), [("tenant", body)])
    elsewhere = replace(batch.before, offset=batch.before.offset + 1)
    with pytest.raises(AppendConflictError):
        await store.append(replace(batch, before=elsewhere))
    assert await stored(pool) == {}
    await store.append(batch)
    assert sorted((await stored(pool)).values()) == sorted(part.data for part in body.parts.values())
