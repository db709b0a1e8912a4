"""Captures, fed as events in any order, get exactly the links they must have."""

from random import Random
from uuid import UUID

import pytest

from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import Pool
from tests import captures
from tests.captures import Expected
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.requirements import scaled


async def links_of(
    store: Store, name: str, order: list[int] | None = None, batch_events: int = 500
) -> dict[int, Expected]:
    """What linking says of a capture that is appended in this order (numbers of exchanges, one event each time)."""
    listed = captures.exchanges(name)
    ids = request_ids(listed)
    exchanges = [await recorded(one, ids[one.n], store.ship) for one in listed]
    await append_all(store.ship, exchanges, [ids[n] for n in order or ()])
    await store.follow(batch_events)
    numbers = {request_id: n for n, request_id in ids.items()}
    links = await store.links()
    return {n: said(links[request_id], numbers) for n, request_id in ids.items()}


def said(link: dict[str, object], numbers: dict[UUID, int]) -> Expected:
    parent, conversation = link["parent_request_id"], link["conversation_id"]
    return Expected(
        n=numbers[link["request_id"]],  # type: ignore[index]  # a UUID
        request_class=(str(link["request_class"]),),
        edge=(str(link["edge"]),),
        parent=(numbers[parent] if isinstance(parent, UUID) else None,),
        conversation=(numbers[conversation] if isinstance(conversation, UUID) else None,),
    )


def check(name: str, got: dict[int, Expected]) -> None:
    for want in captures.expected(name):
        one = got[want.n]
        for key in ("request_class", "edge", "parent", "conversation"):
            assert getattr(one, key)[0] in getattr(want, key), f"{name} #{want.n}: {key}"


@pytest.mark.parametrize("name", captures.names())
async def test_a_capture_gets_its_links(pool: Pool, name: str) -> None:
    check(name, await links_of(Store.over(pool), name))


async def rows_of(store: Store) -> list[dict[str, object]]:
    """Every row that readers see, whatever order it came in."""
    links = await store.rows("SELECT * FROM read.links ORDER BY request_id")
    conversations = await store.rows("SELECT * FROM read.conversations ORDER BY conversation_id")
    tasks = await store.rows("SELECT * FROM read.tasks ORDER BY request_id, ordinal")
    return [*links, *conversations, *tasks]


@pytest.mark.bar(26)
@pytest.mark.parametrize("seed", range(scaled(3, 6)))
@pytest.mark.parametrize("name", ["c_tools", "d2_two_agents", "d5_background", "e2_rewind", "f2_compact_tui"])
async def test_any_order_and_any_batches_give_the_same_rows(
    pool: Pool, postgres_server: EmbeddedPostgres, migrated_template: str, name: str, seed: int
) -> None:
    random = Random(seed)
    order = [one.n for one in captures.exchanges(name) for _ in range(4)]
    random.shuffle(order)
    shuffled = Store.over(pool)
    check(name, await links_of(shuffled, name, order, batch_events=random.choice([1, 3, 7])))
    dsn = create_database(postgres_server, migrated_template)
    async with opened(dsn) as other_pool:
        in_order = Store.over(other_pool)
        await links_of(in_order, name)
        assert await rows_of(shuffled) == await rows_of(in_order)
    drop_database(postgres_server, dsn)
