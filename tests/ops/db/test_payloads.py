"""Payload comes back byte for byte, in few round trips, or says what is missing."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import BrokenPayloadError, PayloadMissingError, StoreUnavailableError
from domain.parts import CutBody, cut
from domain.recipes import RunRef, encode
from ops.db.event_store import PostgresShipStore
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.stored.events import BodyReference
from tests.migrated import opened
from tests.proxies import proxied
from tests.shipping import TestJournal, new_request_id, streamed
from tests.strategies import request_bodies

TENANT = "tenant"
IN_ONE_DATABASE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
READ_ONLY = "&options=-c%20default_transaction_read_only%3Don"


def store_on(pool: Pool) -> PostgresShipStore:
    return PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)


async def keep(pool: Pool, body: bytes, scope: str = TENANT) -> CutBody:
    store = store_on(pool)
    journal = await TestJournal.opened(store)
    kept = cut(body, await store.scope_key(scope))
    await journal.ship(store, bodies=[(scope, kept)])
    return kept


async def keep_runs(pool: Pool, request_id: UUID, *pieces: tuple[int, bytes]) -> None:
    store = store_on(pool)
    journal = await TestJournal.opened(store)
    runs = [streamed(request_id, 1, offset, data)[1] for offset, data in pieces]
    await journal.ship(store, runs=runs)


@asynccontextmanager
async def counting(dsn: str, statements: list[str]) -> AsyncIterator[Pool]:
    """A pool of one connection whose statements are noted."""
    async with opened(dsn, max_size=1) as pool:
        async with pool.acquire() as connection:
            connection.add_query_logger(lambda query: statements.append(query.query))
        yield pool


def long_session(messages: int) -> bytes:
    content = [{"role": "user", "content": f"message {n} " + "words " * 20} for n in range(messages)]
    return json.dumps({"model": "m", "messages": content}).encode()


@IN_ONE_DATABASE
@given(body=request_bodies().map(lambda body: json.dumps(body).encode()) | st.binary(max_size=300))
async def test_a_body_comes_back_byte_for_byte(pool: Pool, body: bytes) -> None:
    kept = await keep(pool, body)
    assert await PostgresPayloads(pool).body(TENANT, kept.reference) == body


async def test_a_long_body_needs_one_query_a_level(migrated_database: str, pool: Pool) -> None:
    body = long_session(5000)
    kept = await keep(pool, body)
    statements: list[str] = []
    async with counting(migrated_database, statements) as counted:
        assert await PostgresPayloads(counted).body(TENANT, kept.reference) == body
    assert len(kept.parts) > 5000
    assert 3 < len([statement for statement in statements if "parts" in statement]) <= 6


async def test_a_read_only_server_is_enough(migrated_database: str, pool: Pool) -> None:
    request_id = new_request_id()
    kept = await keep(pool, long_session(50))
    await keep_runs(pool, request_id, (0, b"answer"))
    async with opened(migrated_database + READ_ONLY) as replica:
        payloads = PostgresPayloads(replica)
        assert await payloads.body(TENANT, kept.reference) == long_session(50)
        assert await payloads.answers([request_id]) == {request_id: b"answer"}
        with pytest.raises(PayloadMissingError):
            await payloads.scope_key("another")


async def test_stored_parts_are_given_and_missing_ones_left_out(pool: Pool) -> None:
    kept = await keep(pool, long_session(5))
    found = await PostgresPayloads(pool).parts(TENANT, [*kept.parts, b"\0" * 16])
    assert found == {part.key: part.data for part in kept.parts.values()}


async def test_no_parts_are_asked_for_without_a_query(migrated_database: str, pool: Pool) -> None:
    await keep(pool, b"x")
    statements: list[str] = []
    async with counting(migrated_database, statements) as counted:
        payloads = PostgresPayloads(counted)
        await payloads.scope_key(TENANT)
        assert await payloads.parts(TENANT, []) == {}
    assert not [statement for statement in statements if "FROM unnest" in statement]


async def test_scopes_do_not_see_each_others_parts(pool: Pool) -> None:
    mine, theirs = await keep(pool, b"the same bytes"), await keep(pool, b"the same bytes", "other")
    payloads = PostgresPayloads(pool)
    assert mine.reference.key != theirs.reference.key
    assert await payloads.parts("other", [bytes.fromhex(mine.reference.key)]) == {}
    with pytest.raises(PayloadMissingError):
        await payloads.body("other", mine.reference)


async def test_nothing_is_known_of_an_unknown_scope(pool: Pool) -> None:
    payloads = PostgresPayloads(pool)
    assert await payloads.parts("nobody", [b"\0" * 16]) == {}
    with pytest.raises(PayloadMissingError, match="Nothing is stored under this scope"):
        await payloads.scope_key("nobody")


@pytest.mark.parametrize("lost", range(0, 60, 7))
async def test_a_body_with_a_lost_part_is_missing(pool: Pool, lost: int) -> None:
    kept = await keep(pool, long_session(50))
    key = sorted(kept.parts)[lost % len(kept.parts)]
    await pool.execute("DELETE FROM parts WHERE key = $1", key)
    with pytest.raises(PayloadMissingError):
        await PostgresPayloads(pool).body(TENANT, kept.reference)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE parts SET data = data || 'x'",
        "UPDATE parts SET data = set_byte(data, 0, get_byte(data, 0) # 255)",
        "UPDATE parts SET codec = 9",
        "UPDATE parts SET raw_length = raw_length + 1",
        "UPDATE parts SET codec = 0, raw_length = octet_length(data)",
    ],
)
async def test_a_body_that_was_damaged_is_never_given(pool: Pool, damage: str) -> None:
    kept = await keep(pool, b'{"opaque": "' + b"words " * 40)
    await pool.execute(damage)
    with pytest.raises(BrokenPayloadError):
        await PostgresPayloads(pool).body(TENANT, kept.reference)


async def test_a_run_that_holds_itself_is_broken(pool: Pool) -> None:
    kept = await keep(pool, b"x")
    key = b"r" * 16
    insert = "INSERT INTO parts (scope_id, key, codec, raw_length, data) SELECT id, $1, 0, $2, $3 FROM scopes"
    recipe = encode([RunRef(key), RunRef(key)])
    await pool.execute(insert, key, len(recipe), recipe)
    loop = BodyReference(kind="run", key=key.hex(), digest=kept.reference.digest)
    with pytest.raises(BrokenPayloadError):
        await PostgresPayloads(pool).body(TENANT, loop)


@IN_ONE_DATABASE
@given(data=st.data())
async def test_answers_are_their_runs_in_order(pool: Pool, data: st.DataObject) -> None:
    answers = data.draw(st.lists(st.lists(st.binary(min_size=1, max_size=400), max_size=6), max_size=5))
    by_id = {new_request_id(): pieces for pieces in answers}
    for request_id, pieces in by_id.items():
        starts = [sum(map(len, pieces[:n])) for n in range(len(pieces))]
        await keep_runs(pool, request_id, *data.draw(st.permutations(list(zip(starts, pieces, strict=True)))))
    found = await PostgresPayloads(pool).answers([*by_id, new_request_id()])
    assert found == {request_id: b"".join(pieces) for request_id, pieces in by_id.items() if pieces}


async def test_an_answer_that_is_asked_for_twice_is_given_once(pool: Pool) -> None:
    request_id = new_request_id()
    await keep_runs(pool, request_id, (0, b"answer"))
    assert await PostgresPayloads(pool).answers([request_id, request_id]) == {request_id: b"answer"}


async def test_answers_of_many_exchanges_are_one_query(migrated_database: str, pool: Pool) -> None:
    ids = [new_request_id() for _ in range(30)]
    for request_id in ids:
        await keep_runs(pool, request_id, (0, b"a"), (1, b"b"))
    statements: list[str] = []
    async with counting(migrated_database, statements) as counted:
        assert await PostgresPayloads(counted).answers(ids) == dict.fromkeys(ids, b"ab")
    assert len([statement for statement in statements if "chunks" in statement]) == 1


async def test_a_silent_server_is_given_up(migrated_database: str, pool: Pool) -> None:
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind:
        proxy.freeze()
        payloads = PostgresPayloads(behind, deadline_s=0.1)
        for call in (payloads.scope_key(TENANT), payloads.answers([new_request_id()])):
            with pytest.raises(StoreUnavailableError):
                await call
        proxy.thaw()


async def test_parts_of_many_scopes_come_in_one_query(migrated_database: str, pool: Pool) -> None:
    mine, theirs = await keep(pool, b"the same bytes"), await keep(pool, b"the same bytes", "other")
    odd = await keep(pool, b"odd", "\ud800")
    wanted = [(TENANT, key) for key in mine.parts] + [("other", key) for key in theirs.parts]
    wanted += [("\ud800", key) for key in odd.parts]
    statements: list[str] = []
    async with counting(migrated_database, statements) as counted:
        payloads = PostgresPayloads(counted)
        assert await payloads.scoped_parts([]) == {}
        found = await payloads.scoped_parts([*wanted, ("other", next(iter(mine.parts))), ("nobody", b"\0" * 16)])
    assert set(found) == set(wanted)
    assert {one[1]: data for one, data in found.items()} == {
        part.key: part.data for body in (mine, theirs, odd) for part in body.parts.values()
    }
    assert len([statement for statement in statements if "FROM unnest" in statement]) == 1
