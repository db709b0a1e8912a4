"""Nothing is joined that does not belong together, however alike it looks."""

import time
from random import Random

import pytest

from ops.db.pool import Pool
from tests.captures import Expected
from tests.forest import feeding
from tests.forest.dialects import CLAUDE_CODE, Dialect
from tests.forest.judge import mistakes
from tests.forest.strangers import look_alikes, pasting, strangers, twins
from tests.forest.truth import Forest
from tests.projected import Store
from tests.requirements import scaled

SESSIONS = scaled(2_000, 10_000)
DEADLINE_S = 60.0


async def said_of(pool: Pool, forest: Forest, random: Random | None = None) -> dict[int, Expected]:
    store = Store.over(pool)
    await feeding.append(store, [forest], random, portion=2000)
    await feeding.follow(store, batch_events=2000)
    return await feeding.links_of(store, forest)


@pytest.mark.parametrize("scopes", [1, 100])
async def test_thousands_of_strangers_stay_apart(pool: Pool, scopes: int) -> None:
    forest = strangers(SESSIONS, scopes)
    assert {truth.answers for truth in forest.truths} == {(("root", None),)}
    begin = time.process_time()
    found = mistakes(forest, await said_of(pool, forest))
    assert found[:20] == [], f"{len(found)} mistakes"
    assert time.process_time() - begin < DEADLINE_S, "of our own; the machine may be busy"


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
async def test_equal_sessions_do_not_meet(pool: Pool, dialect: Dialect) -> None:
    """Not even when every word of theirs is the same: the session says who goes on from whom."""
    forest = twins(dialect, 30)
    found = mistakes(forest, await said_of(pool, forest, Random(3)))
    assert found[:20] == [], f"{len(found)} mistakes"


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
async def test_what_is_pasted_joins_nothing(pool: Pool, dialect: Dialect) -> None:
    forest = pasting(dialect)
    assert mistakes(forest, await said_of(pool, forest)) == []


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
@pytest.mark.parametrize("kind", ["signature", "device", "recent"])
async def test_a_fork_finds_its_own_among_look_alikes(pool: Pool, kind: str, dialect: Dialect) -> None:
    forest = look_alikes(kind, dialect)
    assert mistakes(forest, await said_of(pool, forest, Random(4))) == []
