"""Whatever is played, however it arrives: linking finds the truth, the whole truth and nothing else.

As many forests as Hypothesis has examples: ``--hypothesis-profile deep`` looks for hours. A failure names the seed;
``playing.forest(seed)`` plays it again.
"""

from random import Random

import pytest
from hypothesis import settings

from ops.db.pool import Pool
from tests.forest import feeding, playing
from tests.forest.judge import mistakes
from tests.forest.truth import Forest
from tests.projected import Store
from tests.requirements import scaled

PORTIONS = 8
OTHERS = 10**6
"""Where the seeds of the other tests begin."""
SHOWN = 20
"""Mistakes in a failure's message."""


def seeds(portion: int) -> range:
    return range(portion, settings().max_examples * scaled(4, 10) // 10, PORTIONS)


async def fed(store: Store, forest: Forest, random: Random) -> None:
    """In the order of reception or in none, in one go or in two."""
    shuffled = random if random.random() < 0.7 else None
    await feeding.append(store, [forest], shuffled, portion=random.choice([1, 7, 50, 500]))
    await feeding.follow(store, batch_events=random.choice([1, 3, 7, 7, 500, 500, 500, 500]))


@pytest.mark.parametrize("portion", range(PORTIONS))
async def test_a_forest_gets_its_truth(pool: Pool, portion: int) -> None:
    """All forests in one store, each in scopes of its own; at the end everything comes once more."""
    store, found = Store.over(pool), list[str]()
    for seed in seeds(portion):
        forest = playing.forest(seed)
        await fed(store, forest, Random(seed))
        found += mistakes(forest, await feeding.links_of(store, forest))
    assert found[:SHOWN] == [], f"{len(found)} mistakes"


@pytest.mark.bar(26)
async def test_a_forest_that_comes_twice_stays_as_it_is(pool: Pool) -> None:
    store = Store.over(pool)
    forests = [playing.forest(seed) for seed in range(OTHERS, OTHERS + scaled(4, 10))]
    await feeding.append(store, forests, Random(1), portion=50)
    await feeding.follow(store)
    before = [await feeding.links_of(store, forest) for forest in forests]
    for batch_events in (3, 100):
        await feeding.follow_again(store, batch_events)
        assert [await feeding.links_of(store, forest) for forest in forests] == before


async def test_people_do_not_meet(pool: Pool) -> None:
    """Forests that arrive all mixed up in one stream are linked as if each had come alone."""
    store, found = Store.over(pool), list[str]()
    forests = [playing.forest(seed) for seed in range(OTHERS + 10, OTHERS + 25)]
    await feeding.append(store, forests, Random(2), portion=50)
    await feeding.follow(store, batch_events=50)
    for forest in forests:
        found += mistakes(forest, await feeding.links_of(store, forest))
    assert found[:SHOWN] == [], f"{len(found)} mistakes"
