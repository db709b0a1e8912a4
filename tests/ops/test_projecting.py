"""Transactions of projections commit or leave nothing."""

import pytest

from domain.errors import StoreUnavailableError
from ops.db.pool import Pool
from ops.projecting import sources


async def test_a_transaction_commits_or_leaves_nothing(pool: Pool) -> None:
    found = sources(pool)
    insert = "INSERT INTO nexus_tracking VALUES ($1, 1)"
    async with found.transactions() as tx:
        await tx.execute(insert, "kept")

    async def broken() -> None:
        async with found.transactions() as tx:
            await tx.execute(insert, "lost")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await broken()
    names = await pool.fetch("SELECT application_name FROM nexus_tracking WHERE notification_id = 1")
    assert "kept" in {row["application_name"] for row in names}
    assert "lost" not in {row["application_name"] for row in names}
    assert await found.log.newest() == 0


async def test_a_transaction_that_takes_too_long_is_cut_off(pool: Pool) -> None:
    with pytest.raises(StoreUnavailableError):
        async with sources(pool, deadline_s=0.05).transactions() as tx:
            await tx.execute("SELECT pg_sleep(30)")
