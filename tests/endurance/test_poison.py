"""One exchange that cannot be taken in holds up nobody, is shown, and comes in once the code can take it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.exchanges import ExchangeReader
from projections.projector import Projection, Projector, Write
from projections.read_models import builds, failures
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import PROJECTIONS, projection
from projections.retrying import retry
from tests import captures
from tests.bar import Figure
from tests.projected import Store
from tests.projections.test_runner import running, until_counted
from tests.recorded import request_ids
from tests.requirements import scaled
from tests.waiting import until

CAPTURE, LATER = "v2.0.76_mix", "a_oneshot"
BAD = 7
OTHERS = scaled(0, 12)
"""So many times as many others come in the same batches."""


class Stumbling:
    """A projector that cannot take in one exchange."""

    def __init__(self, inner: Projector, bad: UUID) -> None:
        self._inner, self._bad = inner, bad

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        if self._bad in request_ids:
            raise ValueError("cannot be projected")
        return await self._inner.project(request_ids, upto)


def stumbling(one: Projection, bad: UUID) -> Projection:
    def make(reader: ExchangeReader) -> Projector:
        return Stumbling(one.make(reader), bad)

    return replace(one, make=make)


async def count_set_aside(store: Store, one: Projection) -> int:
    async with store.sources.transactions() as tx:
        build = await builds.live(tx, one.name)
        assert build is not None
        return await failures.count(tx, build)


async def is_as_rebuilt(store: Store, one: Projection) -> bool:
    live = await live_digest(one, store.sources)
    assert live is not None
    return await rebuilt_digest(one, store.sources, live.position, 100) == live.tables


@pytest.mark.bar(27)
@pytest.mark.parametrize("name", [one.name for one in PROJECTIONS])
async def test_a_bad_exchange_is_set_aside_and_taken_in_after_the_fix(pool: Pool, name: str, figure: Figure) -> None:
    """Both projections run; one of them stumbles. The other does not notice, and nobody stands still."""
    store, one = Store.over(pool), projection(name)
    bad = request_ids(captures.exchanges(CAPTURE))[BAD]
    listed = tuple(stumbling(each, bad) if each.name == name else each for each in PROJECTIONS)
    ids = await store.append(CAPTURE)
    assert ids[BAD] == bad
    for more in [more for more in captures.names() if more not in {CAPTURE, LATER}][:OTHERS]:
        ids |= {(more, n): each for n, each in (await store.append(more)).items()}  # type: ignore[misc]
    newest, began = await store.sources.log.newest(), time.monotonic()
    async with running(store.sources, listed) as runner:
        await until(lambda: len(runner.state.followers) == len(PROJECTIONS))
        await until(lambda: all(state.position >= newest for state in runner.state.followers.values()))
        figure(f"{name}: {len(ids)} exchanges with one bad one among them in {time.monotonic() - began:.2f} s")
        assert runner.state.followers[name].failed >= 1
        later = await store.append(LATER)
        await until_counted(pool, len(ids) + len(later) - (name == "requests"))
    assert {each.name: await count_set_aside(store, each) for each in PROJECTIONS} == {
        each.name: int(each.name == name) for each in PROJECTIONS
    }
    other = next(each for each in PROJECTIONS if each.name != name)
    assert await is_as_rebuilt(store, other)
    assert not await is_as_rebuilt(store, one)
    assert (await retry(stumbling(one, bad), store.sources)).left == [bad]
    assert (await retry(one, store.sources)).taken_in == 1
    assert await count_set_aside(store, one) == 0
    assert await is_as_rebuilt(store, one)


@pytest.mark.bar(27)
async def test_a_damaged_event_is_set_aside_and_the_others_go_on(pool: Pool) -> None:
    """Its bytes in the store were changed: nothing can take it in."""
    store = Store.over(pool)
    ids = await store.append("c_tools")
    await pool.execute(
        "SET session_replication_role = replica;"
        f"UPDATE nexus_events SET state = '\\x7b' WHERE originator_id = '{ids[2]}' AND originator_version = 1;"
        "RESET ALL"
    )
    await store.follow()
    assert {await count_set_aside(store, one) for one in PROJECTIONS} == {1}
    assert {row["request_id"] for row in await store.rows("SELECT * FROM read.requests")} == set(ids.values()) - {
        ids[2]
    }
