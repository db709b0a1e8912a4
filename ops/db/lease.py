"""Who holds the projectors' lease? Taken, renewed and given back by one process; checked in every commit.

Theory of operation. The row says holder, epoch and when the lease ends by the database's clock. A lease that has ended
may be taken by anybody, and the epoch grows. Every transaction of the leader first holds the row FOR KEY SHARE where
its epoch stands (``check``). Renewing changes no key, so neither waits for the other; taking changes the epoch, waits
for such transactions and is waited for. So when an epoch has grown, everything of the epoch before is committed or
refused. A leader that was stopped in the middle of a transaction would be waited for in vain: whoever takes over first
ends the connections of the one before, which are known by their name.

A taker looks before it locks: those who stand by never touch the row.
"""

from uuid import UUID

import asyncpg

from domain.errors import StoreUnavailableError
from ops.db.borrowing import borrowed
from ops.db.pool import Connection, Pool

_NAME = "projector"
_LOOK = "SELECT holder, expires_at > clock_timestamp() AS holds FROM projector_lease WHERE name = $1"
_LIMIT_WAITING = "SET LOCAL lock_timeout = '500ms'"
_TAKE = """
INSERT INTO projector_lease AS lease (name, epoch, holder, expires_at)
VALUES ($1, 1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
SET epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
WHERE lease.holder = $2 OR lease.expires_at <= clock_timestamp()
RETURNING epoch
"""
_RENEW = """
UPDATE projector_lease SET expires_at = clock_timestamp() + make_interval(secs => $4)
WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
RETURNING epoch
"""
_GIVE_BACK = "UPDATE projector_lease SET expires_at = clock_timestamp() WHERE name = $1 AND holder = $2 AND epoch = $3"
_CHECK = "SELECT epoch FROM projector_lease WHERE name = $1 AND epoch = $2 FOR KEY SHARE"
_END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


class LostLeaseError(StoreUnavailableError):
    """Another projector leads now; this one stands by."""


class ProjectorLease:
    """``leading.Lease`` on PostgreSQL, for one holder."""

    def __init__(self, pool: Pool, holder: UUID, *, lasts_s: float, deadline_s: float) -> None:
        self._pool, self._holder = pool, holder
        self._lasts_s, self._deadline_s = lasts_s, deadline_s

    async def take(self) -> int | None:
        """The new epoch; None: somebody else holds the lease. Raises StoreUnavailableError."""
        async with borrowed(self._pool, self._deadline_s) as connection:
            found = await connection.fetchrow(_LOOK, _NAME)
            if found is not None:
                if found["holds"] and found["holder"] != self._holder:
                    return None
                await connection.execute(_END_CONNECTIONS, name_of_leader(found["holder"]))
            try:
                async with connection.transaction():
                    await connection.execute(_LIMIT_WAITING)
                    epoch: int | None = await connection.fetchval(_TAKE, _NAME, self._holder, self._lasts_s)
                    return epoch
            except asyncpg.UniqueViolationError:  # the very first lease: somebody else has made the row in this moment
                return None

    async def renew(self, epoch: int) -> int | None:
        """The same epoch; None: the lease is lost. Raises StoreUnavailableError."""
        async with borrowed(self._pool, self._deadline_s) as connection:
            kept: int | None = await connection.fetchval(_RENEW, _NAME, self._holder, epoch, self._lasts_s)
            return kept

    async def give_back(self, epoch: int) -> None:
        """The next one need not wait. Raises StoreUnavailableError."""
        async with borrowed(self._pool, self._deadline_s) as connection:
            await connection.execute(_GIVE_BACK, _NAME, self._holder, epoch)


async def check(tx: Connection, epoch: int) -> None:
    """Until the end of the transaction this epoch stays. Raises LostLeaseError."""
    if await tx.fetchval(_CHECK, _NAME, epoch) is None:
        raise LostLeaseError


def name_of_leader(holder: UUID) -> str:
    """What the connections of a holder that writes are called (``application_name``)."""
    return f"nexus-projector-{holder}"
