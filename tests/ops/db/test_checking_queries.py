"""The checker's reading: everything in order, page by page, in a snapshot that nothing moves or changes."""

import asyncpg
import psycopg
import pytest

from domain.errors import StoreUnavailableError
from ops.db import checking_queries
from ops.db.checking_queries import FIRST, connected, cursors_now, snapshot
from tests.checked import CheckedHome


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_pages_come_to_everything_in_order(
    kept_home: CheckedHome, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(checking_queries, "EVENTS_PAGE", page)
    monkeypatch.setattr(checking_queries, "CHUNKS_PAGE", page)
    home = kept_home.restored()
    home.damage("INSERT INTO chunks VALUES ({0}, 1, 0, NULL, 1, 'x')")  # one byte behind another
    async with connected(home.dsn) as connection, snapshot(connection) as store:
        events = [(row["id"], row["originator_version"]) async for row in store.events(FIRST)]
        chunks = [(row["id"], row["offset"]) async for row in store.chunks(FIRST)]
        assert (events, chunks) == (sorted(events), sorted(chunks))
        assert len(events) == await store.count(FIRST) == 16
        assert len(chunks) == 6
        later = [(row["id"], row["originator_version"]) async for row in store.events(home.ids[2])]
        assert later == [one for one in events if one[0] >= home.ids[2]]
        assert [row["id"] async for row in store.chunks(home.ids[2])] == [
            one for one, _ in chunks if one >= home.ids[2]
        ]
        some = home.ids[:2]
        assert [(row["id"], row["originator_version"]) async for row in store.events_of(some)] == [
            one for one in events if one[0] in some
        ]
        assert [(row["id"], row["offset"]) async for row in store.chunks_of(some)] == [
            one for one in chunks if one[0] in some
        ]


async def test_a_snapshot_does_not_move_and_cannot_write(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    async with connected(home.dsn) as connection:
        async with snapshot(connection) as store:
            before = [tuple(row) for row in await store.cursors()]
            home.damage("DELETE FROM journals", "DELETE FROM open_exchanges")
            assert [tuple(row) for row in await store.cursors()] == before
            assert len(await store.open_exchanges()) == 1
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("DELETE FROM chunks")
        assert await cursors_now(connection) == []


async def test_parts_and_scopes_by_key(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    with psycopg.connect(home.dsn) as direct:
        scopes = direct.execute("SELECT scope, id FROM scopes").fetchall()
        keys = [row[0] for row in direct.execute("SELECT key FROM parts").fetchall()]
    async with connected(home.dsn) as connection, snapshot(connection) as store:
        found = await store.scopes([scopes[0][0], "nobody"])
        assert [(row["scope"], row["id"]) for row in found] == scopes
        rows = await store.parts(scopes[0][1], [*keys, keys[0], b"unknown"])
        assert sorted(row["key"] for row in rows) == sorted(keys)
        assert await store.parts(scopes[0][1] + 1, keys) == []


async def test_a_server_that_breaks_off_is_said(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    async with connected(home.dsn) as connection:
        with psycopg.connect(home.dsn, autocommit=True) as direct:
            direct.execute("SELECT pg_terminate_backend(%s)", [connection.get_server_pid()])
        with pytest.raises(StoreUnavailableError):
            await cursors_now(connection)
