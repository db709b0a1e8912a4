"""Transactions of projections commit or leave nothing."""

from uuid import UUID

import pytest

from domain.errors import StoreUnavailableError
from ops.db.lease import LostLeaseError, ProjectorLease
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


async def test_of_an_epoch_that_is_over_nothing_is_written(pool: Pool) -> None:
    insert = "INSERT INTO nexus_tracking VALUES ($1, 1)"
    assert await ProjectorLease(pool, UUID(int=1), lasts_s=0.0, deadline_s=5.0).take() == 1
    async with sources(pool, epoch=1).transactions() as tx:
        await tx.execute(insert, "of the first")
    assert await ProjectorLease(pool, UUID(int=2), lasts_s=60.0, deadline_s=5.0).take() == 2
    with pytest.raises(LostLeaseError):
        async with sources(pool, epoch=1).transactions() as tx:
            await tx.execute(insert, "too late")
    names = await pool.fetch("SELECT application_name FROM nexus_tracking WHERE notification_id = 1")
    assert "too late" not in {row["application_name"] for row in names}


async def test_a_transaction_that_takes_too_long_is_cut_off(pool: Pool) -> None:
    with pytest.raises(StoreUnavailableError):
        async with sources(pool, deadline_s=0.05).transactions() as tx:
            await tx.execute("SELECT pg_sleep(30)")
