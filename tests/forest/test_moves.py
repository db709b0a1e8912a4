"""Every move, in every version that can make it, gets its links: a failure names the scenario."""

import asyncio
from collections.abc import Iterator

import pytest

from ops.db.embedded import EmbeddedPostgres
from tests.forest import feeding, playing
from tests.forest.dialects import EVERY
from tests.forest.failures import EVERY as FAULTS
from tests.forest.judge import mistakes
from tests.forest.moves import SCENARIOS
from tests.forest.truth import Forest
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.requirements import scaled

SEEDS = range(scaled(1, 3))
MOVES = {f"{move.name}-{dialect}": (move, dialect) for move, dialect in SCENARIOS}
FAILURES = {f"{fault}-{dialect}": (fault, dialect) for fault in FAULTS for dialect in EVERY}


def scenarios() -> dict[str, list[Forest]]:
    """By name; chance plays every move a few times."""
    moves = {name: [playing.scenario(*move, seed) for seed in SEEDS] for name, move in MOVES.items()}
    return moves | {name: [playing.failing(*failure)] for name, failure in FAILURES.items()}


async def judged(dsn: str, named: dict[str, list[Forest]]) -> dict[str, list[str]]:
    """All in one database, each in scopes of its own."""
    async with opened(dsn) as pool:
        store = Store.over(pool)
        await feeding.append(store, [forest for forests in named.values() for forest in forests])
        await feeding.follow(store)
        return {
            name: [line for forest in forests for line in mistakes(forest, await feeding.links_of(store, forest))]
            for name, forests in named.items()
        }


@pytest.fixture(scope="module")
def found(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[dict[str, list[str]]]:
    """Mistakes, by scenario."""
    dsn = create_database(postgres_server, migrated_template)
    yield asyncio.run(judged(dsn, scenarios()))
    drop_database(postgres_server, dsn)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_gets_its_links(found: dict[str, list[str]], name: str) -> None:
    assert found[name] == []


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_gets_its_retries(found: dict[str, list[str]], name: str) -> None:
    assert found[name] == []
