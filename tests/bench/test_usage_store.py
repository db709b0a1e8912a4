"""The bench of usage queries answers every question, in a store of a few lines."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.usage_sums import UsageQuestion
from ops.db.embedded import EmbeddedPostgres
from projections.read_models import usage_queries
from tests.bench.usage_store import DAYS, LAST, questions, report
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.usage_samples import rows_in

LINES = 4000


async def test_a_small_store_is_measured(postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = create_database(postgres_server)
    await report(dsn, LINES)
    printed = capsys.readouterr().out
    for what, _ in questions(UUID(int=1)):
        assert what in printed
    async with opened(dsn) as pool, pool.acquire() as connection:
        whole = UsageQuestion(since=LAST - timedelta(days=DAYS + 1), until=LAST + timedelta(days=1))
        assert sum(row.counts["requests"] for row in rows_in(await usage_queries.usage(connection, whole))) == LINES
    drop_database(postgres_server, dsn)
