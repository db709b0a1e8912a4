"""The bench of the pages of money answers every question, in a store of a few lines."""

from typing import Any

import pytest

from ops.db.embedded import EmbeddedPostgres
from tests.bench.money_pages import questions, report
from tests.migrated import opened
from tests.postgres import create_database, drop_database

LINES = 4000


async def test_a_small_store_is_measured(postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = create_database(postgres_server)
    await report(dsn, LINES)
    printed = capsys.readouterr().out
    store: Any = _Anything()
    for what, _ in questions(store, "a session", "an account"):
        assert what in printed
    async with opened(dsn) as pool:
        for table in ("requests", "links", "cache_verdicts"):
            assert await pool.fetchval(f"SELECT count(*) FROM read.{table}") == LINES
        for table in ("limit_sightings", "conversations"):
            assert await pool.fetchval(f"SELECT count(*) FROM read.{table}") > 0
    drop_database(postgres_server, dsn)


class _Anything:
    """Whatever is asked of it is there."""

    def __getattr__(self, name: str) -> Any:
        return lambda: None
