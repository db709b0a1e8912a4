"""What stands on the database: a pool that closes, and a reader that cannot hold it up."""

from uuid import UUID

import psycopg
import pytest

from domain.errors import SetupError
from ops.stores import STATEMENT_TIMEOUT_S, data_store, opened
from tests.dashboard_roles import ROLE


async def test_the_pool_has_a_name_and_is_gone_afterwards(migrated_database: str) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nexus-trial'"
    async with opened(migrated_database, "nexus-trial") as pool:
        assert await pool.fetchval(query) == 1
    with psycopg.connect(migrated_database) as connection:
        assert connection.execute(query).fetchone() == (0,)


async def test_a_database_that_is_not_there_is_a_matter_of_setup(migrated_database: str) -> None:
    with pytest.raises(SetupError, match="no_such"):
        async with opened(migrated_database.replace("/test_", "/no_such_"), "nexus-trial"):
            pass


@pytest.mark.parametrize(("reads_only", "timeout"), [(True, f"{STATEMENT_TIMEOUT_S:.0f}s"), (False, "0")])
@pytest.mark.bar(70)
async def test_a_reader_has_a_limit_and_a_writer_has_none(
    migrated_database: str, reads_only: bool, timeout: str
) -> None:
    async with opened(migrated_database, "nexus-trial", reads_only=reads_only) as pool:
        assert await pool.fetchval("SHOW statement_timeout") == timeout


async def test_the_dashboard_reads_through_it(migrated_database: str) -> None:
    async with opened(migrated_database, "nexus-trial", reads_only=True) as pool:
        assert await data_store(pool).newest_position() == 0
        assert await data_store(pool).request(UUID(int=1)) is None


async def test_readers_are_in_the_dashboards_role_and_writers_are_not(migrated_database: str) -> None:
    for reads_only, role in ((True, ROLE), (False, "nexus")):
        async with opened(migrated_database, "nexus-trial", reads_only=reads_only) as pool:
            assert await pool.fetchval("SELECT current_user::text") == role
