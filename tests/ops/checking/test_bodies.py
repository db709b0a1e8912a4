"""Request bodies come back from the tables, many at once, with few queries; what cannot come back says why."""

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from ops.checking.bodies import Bodies
from ops.checking.stored_format import Received, content_of
from ops.db.checking_queries import FIRST, Row, Snapshot, connected, snapshot
from ops.db.pool import OwnConnection
from tests.checked import CheckedHome


class CountingSnapshot(Snapshot):
    """Counts its queries for parts."""

    def __init__(self, connection: OwnConnection) -> None:
        super().__init__(connection)
        self.asked: list[int] = []

    async def parts(self, scope_id: int, keys: Collection[bytes]) -> Sequence[Row]:
        self.asked.append(len(keys))
        return await super().parts(scope_id, keys)


@asynccontextmanager
async def store_of(home: CheckedHome) -> AsyncIterator[tuple[CountingSnapshot, dict[UUID, Received]]]:
    async with connected(home.dsn) as connection, snapshot(connection):
        store, requests = CountingSnapshot(connection), dict[UUID, Received]()
        async for row in store.events(FIRST):
            if isinstance(content := content_of(row["topic"], row["state"]), Received):
                requests[row["id"]] = content
        yield store, requests


async def test_bodies_come_back_a_query_for_each_level(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    async with store_of(home) as (store, requests):
        bodies = Bodies(store)
        joined = await bodies.join(requests)
        assert len(store.asked) == 3  # the recipes, their runs and blocks, the blocks of the runs
        expected = {script.request_id: script.body for script in home.scripts if script.body}
        assert {one: (body.size, body.sha256, body.broken) for one, body in joined.items()} == {
            one: (len(body), hashlib.sha256(body).digest(), "") for one, body in expected.items()
        }
        assert await bodies.join(requests) == joined
        assert len(store.asked) == 3  # nothing new is asked for
        assert await bodies.join({}) == {}


async def test_what_was_fetched_is_forgotten_when_it_grows(kept_home: CheckedHome) -> None:
    async with store_of(kept_home.restored()) as (store, requests):
        bodies = Bodies(store, cache_bytes=10)
        assert await bodies.join(requests) == await bodies.join(requests)
        assert len(store.asked) == 6


async def test_what_is_broken_says_why(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    home.damage("UPDATE parts SET codec = 9 WHERE key = (SELECT key FROM parts ORDER BY raw_length DESC LIMIT 1)")
    async with store_of(home) as (store, requests):
        joined = await Bodies(store).join(requests)
    assert {body.broken for body in joined.values()} >= {"a part of the body is missing; codec 9 is unknown"}


async def test_a_recipe_that_is_none_says_so(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    home.damage("UPDATE parts SET codec = 0, raw_length = 3, data = 'abc'")
    async with store_of(home) as (store, requests):
        joined = await Bodies(store).join(requests)
    assert {body.broken for body in joined.values()} == {"a recipe does not begin as one"}


async def test_a_scope_that_is_gone(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    home.damage("DELETE FROM scopes")
    async with store_of(home) as (store, requests):
        joined = await Bodies(store).join(requests)
    assert {body.broken for body in joined.values()} == {"its scope is not in the store"}
