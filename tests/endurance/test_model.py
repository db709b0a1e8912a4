"""Whatever happens between a gateway and the rows, in whatever order: bytes, ends, links and rebuilt rows are right."""

from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.journal_reader import journals_in
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.rebuilding import live_digest, rebuild, rebuilt_digest
from projections.registry import PROJECTIONS
from schemas.stored.events import TERMINAL, RequestReceived
from tests.endurance.worlds import Fault, World
from tests.forest import feeding, playing
from tests.forest.judge import mistakes
from tests.requirements import scaled

EXAMPLES, STEPS = scaled(5, 60), scaled(12, 50)
FAULTS: st.SearchStrategy[Fault] = st.sampled_from(("", "", "away", "rolled back", "unheard", "killed"))
OPERATIONS = ("write",) * 5 + ("ship",) * 3 + ("follow",) * 4 + (
    "restart gateway", "restart projector", "deliver again", "rebuild",
)  # fmt: skip
JUMPS = st.dictionaries(st.integers(1, 12), st.sampled_from([timedelta(hours=1), timedelta(days=400)]), max_size=2)


async def step(world: World, data: st.DataObject) -> None:
    """One thing that happens."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    projection = data.draw(st.sampled_from(PROJECTIONS))
    gateway = data.draw(st.sampled_from(world.gateways))
    match operation:
        case "write":
            gateway.write(data.draw(st.integers(1, 40)))
        case "ship":
            await world.ship(data.draw(FAULTS), data.draw(st.sampled_from([1, 7, 500])))
        case "follow":
            batch, steps = data.draw(st.sampled_from([1, 3, 7, 500])), data.draw(st.integers(1, 4))
            await world.follow(projection, batch, steps, cut=data.draw(st.booleans()))
        case "restart gateway":
            if gateway.is_at_rest:
                gateway.restart()
        case "restart projector":
            world.restart_projector()
        case "deliver again":
            await world.deliver_again(projection)
        case "rebuild":
            await rebuild(projection, world.store.sources)


async def finish(world: World) -> None:
    for gateway in world.gateways:
        gateway.write(len(gateway.todo))
        gateway.disk.die()
    await world.ship()
    assert journals_in(world.root) == [], "what is shipped is deleted"
    await world.store.follow()


async def check(world: World) -> None:
    """Against what was played."""
    payloads, ids = PostgresPayloads(world.pool), feeding.request_ids(world.forest)
    answers = await payloads.answers(list(ids.values()))
    for one in world.forest.captured:
        events = [recorded.event for recorded in await world.store.sources.log.stream(ids[one.n])]
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        [received], [_] = ([e for e in events if isinstance(e, kind)] for kind in (RequestReceived, TERMINAL))
        assert answers.get(ids[one.n], b"") == one.answer
        if one.body:
            assert isinstance(received, RequestReceived)
            assert received.body is not None
            assert await payloads.body(received.scope, received.body) == one.body
    assert mistakes(world.forest, await feeding.links_of(world.store, world.forest)) == []
    for projection in PROJECTIONS:
        live = await live_digest(projection, world.store.sources)
        assert live is not None
        assert live.position == await world.store.sources.log.newest()
        assert await rebuilt_digest(projection, world.store.sources, live.position, 13) == live.tables
    assert await world.pool.fetchval("SELECT count(*) FROM projection_failures") == 0


@pytest.mark.bar(26, 28)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
async def test_the_model_and_the_product_say_the_same(pool: Pool, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 10**6))
    forest = playing.forest(seed, most_sessions=2, most_moves=3)
    with TemporaryDirectory() as folder:
        world = await World.made(pool, Path(folder), forest, Random(seed), data.draw(JUMPS))
        for _ in range(data.draw(st.integers(1, STEPS))):
            await step(world, data)
        await finish(world)
        await check(world)
