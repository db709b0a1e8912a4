"""Filters kept in the event store, and the ones in memory that the front's tests go by: the same for whoever asks."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from dashboard.filter_forms import Keeps
from domain.saved_filters import SavedFilter, UnfitFilterError, View
from domain.viewers import OWNER, Viewer
from ops.db.pool import Pool
from ops.db.saved_filters import StoredFilters
from ops.stores import data_store
from tests.dashboard_roles import reading
from tests.filters_in_memory import FiltersInMemory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BAD, GOOD = View("/requests", "status=500"), View("/search", "q=x")
ADA = Viewer(name="ada", role="reader", accounts=frozenset({"acme"}), person_id="ada00000")
ADA_LATER = Viewer(name="ada", role="usage", accounts=None, person_id="ada00000")
NAMESAKE = Viewer(name="ada", role="reader", accounts=frozenset({"acme"}), person_id="ada00001")
NOBODY = Viewer(name="ada", role="admin", accounts=None)


@dataclass
class Kept:
    """Where filters are kept, and how they are read."""

    keeps: Keeps
    read: Callable[[Viewer], Awaitable[Sequence[SavedFilter]]]

    async def names(self, viewer: Viewer) -> list[tuple[str, str]]:
        return [(one.name, one.view.address) for one in await self.read(viewer)]


@pytest.fixture(params=["memory", "store"])
def kept(request: pytest.FixtureRequest, pool: Pool, migrated_database: str) -> Kept:
    memory = FiltersInMemory()

    async def remembered(viewer: Viewer) -> Sequence[SavedFilter]:
        return memory.kept(viewer)

    async def stored(viewer: Viewer) -> Sequence[SavedFilter]:
        return await data_store(pool).seen_by(viewer).saved_filters()

    if request.param == "memory":
        return Kept(memory, remembered)
    return Kept(StoredFilters(migrated_database, lambda: NOON), stored)


async def test_each_reads_what_he_saved_last_and_nobody_elses(kept: Kept) -> None:
    assert not await kept.keeps.save(ADA, "bad", BAD)
    assert not await kept.keeps.save(ADA, "a search", GOOD)
    assert not await kept.keeps.save(NAMESAKE, "bad", GOOD)
    assert not await kept.keeps.save(OWNER, "mine", BAD)
    assert await kept.keeps.save(ADA, " BAD ", GOOD)
    assert await kept.names(ADA) == [("a search", GOOD.address), ("BAD", GOOD.address)]
    assert await kept.names(NAMESAKE) == [("bad", GOOD.address)]
    assert await kept.names(OWNER) == [("mine", BAD.address)]
    assert await kept.names(NOBODY) == []
    await kept.keeps.remove(ADA, "bad")
    await kept.keeps.remove(ADA, "bad")
    await kept.keeps.remove(NAMESAKE, "mine")
    assert await kept.names(ADA) == [("a search", GOOD.address)]
    assert await kept.names(NAMESAKE) == [("bad", GOOD.address)]
    assert await kept.names(OWNER) == [("mine", BAD.address)]
    assert await kept.names(ADA_LATER) == []  # a search is nothing for who sees numbers


async def test_what_is_unfit_is_refused_and_leaves_what_there_was(kept: Kept) -> None:
    await kept.keeps.save(ADA, "bad", BAD)
    for name, view in (("", BAD), ("a\0b", BAD), ("x", View("/overview", "a=b")), ("x", View("/requests", ""))):
        with pytest.raises(UnfitFilterError):
            await kept.keeps.save(ADA, name, view)
    assert await kept.names(ADA) == [("bad", BAD.address)]


async def test_the_dashboards_own_role_reads_them(pool: Pool, migrated_database: str) -> None:
    await StoredFilters(migrated_database, lambda: NOON).save(ADA, "bad", BAD)
    async with reading(migrated_database) as reader:
        found = await data_store(reader).seen_by(ADA).saved_filters()
    assert [one.view for one in found] == [BAD]
