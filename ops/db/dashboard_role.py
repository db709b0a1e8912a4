"""In which role does the dashboard read? In one that may read what it shows and nothing else, where there is one.

Whoever migrates makes it, if he may (``migrations/0011_dashboard_role.sql``); it cannot log in. A reader's connection
takes it when it opens and keeps it for life: what resets a session between two uses leaves the role. Where it is
missing, may not be taken, or may not read everything, readers go on as who they are, in sessions that are read-only,
and ``nexus doctor`` says what would mend it.

A connection through a pooler that lends one session to several clients in turn is left as it is: whoever came next
would be in the role as well. Such a pooler does not hand on the settings that a connection begins with, which tells.
"""

from dataclasses import dataclass

import asyncpg

from ops.db.borrowing import cut_off
from ops.db.locks import MIGRATION_LOCK, TAKE_LOCK
from ops.db.pool import Connection

TABLES = ("chunks", "event_seals", "nexus_events", "nexus_tracking", "parts", "projections", "scopes")
"""What the role reads by name; and every view in the schemas that readers use."""
SCHEMAS = ("read", "read_accounts", "read_accounts_numbers", "read_numbers")
TAKE_DEADLINE_S = 5.0

_LIMIT_WAITING = "SET LOCAL lock_timeout = '3s'"
_CAN_BE_ADMITTED = "SELECT to_regproc('public.nexus_admit_dashboard') IS NOT NULL"
_ADMIT = "SELECT nexus_admit_dashboard()"
_TAKE = "SELECT set_config('role', $1, false)"
# session_user: whose memberships count when a role is taken. Until PostgreSQL 16 every member may take a role.
_SELECT_STANDING = """
WITH owned AS (
    SELECT pg_get_userbyid(relowner) AS owner, left(pg_get_userbyid(relowner), 53) || '_dashboard' AS role
    FROM pg_class WHERE oid = to_regclass('public.nexus_events')
)
SELECT
    session_user::text AS who,
    owned.owner::text,
    owned.role,
    current_user = owned.role AS is_taken,
    reader.oid IS NOT NULL AS is_there,
    coalesce(reader.rolcanlogin OR reader.rolsuper, false) AS is_strange,
    coalesce(pg_has_role(session_user, reader.oid,
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END), false) AS is_lent,
    reader.oid IS NOT NULL AND NOT EXISTS (
        SELECT FROM (
            SELECT to_regclass('public.' || name)::oid FROM unnest($1::text[]) AS name
            UNION ALL SELECT oid FROM pg_class
            WHERE relkind = 'v' AND relnamespace::regnamespace::text = ANY($2::text[])
        ) AS wanted (relation)
        WHERE has_table_privilege(reader.oid, relation, 'SELECT') IS NOT TRUE
        UNION ALL
        SELECT FROM unnest($2::text[] || 'public'::text) AS name
        WHERE has_schema_privilege(reader.oid, to_regnamespace(name)::oid, 'USAGE') IS NOT TRUE
    ) AS may_read,
    has_table_privilege(session_user, to_regclass('public.nexus_events'), 'INSERT') AS could_write,
    EXISTS (SELECT FROM pg_settings WHERE name = 'statement_timeout' AND source = 'client') AS is_own_session
FROM owned LEFT JOIN pg_roles reader ON reader.rolname = owned.role
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is with the role, for who asks."""

    who: str
    owner: str
    role: str
    is_taken: bool
    """Who asks is in it."""
    is_there: bool
    is_strange: bool
    """Somebody logs in as it, or it may do everything: it has our name and was made for something else."""
    is_lent: bool
    """Who asks may take it."""
    may_read: bool
    """It may read everything that the dashboard reads."""
    could_write: bool
    """Who asks could append events, were his session not read-only."""
    is_own_session: bool
    """The session began with the settings of this very connection."""

    @property
    def can_be_taken(self) -> bool:
        return self.is_there and not self.is_strange and self.is_lent and self.may_read


async def standing(connection: Connection) -> Standing | None:
    """None: nothing is migrated yet."""
    row = await connection.fetchrow(_SELECT_STANDING, list(TABLES), list(SCHEMAS))
    return Standing(**row) if row is not None else None


async def take(connection: Connection) -> None:
    """Go on in the role, where there is one; done to a connection once. Raises StoreUnavailableError."""
    try:
        with cut_off(connection, TAKE_DEADLINE_S):
            found = await standing(connection)
            if found is not None and found.can_be_taken and found.is_own_session:
                await connection.execute(_TAKE, found.role)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError):
        return  # taken away, or dropped, since we looked
    except BaseException:
        connection.terminate()  # the pool would close it gently, and wait for the server
        raise


async def admit(connection: Connection) -> None:
    """Make up for what the role lacks, as far as this user may; after migrating, each time.

    What is busy for three seconds is left for the next time.
    """
    found = await standing(connection)
    if found is None or found.can_be_taken or not await connection.fetchval(_CAN_BE_ADMITTED):
        return
    try:
        async with connection.transaction():
            await connection.execute(_LIMIT_WAITING)
            await connection.execute(TAKE_LOCK, MIGRATION_LOCK)
            await connection.execute(_ADMIT)
    except asyncpg.LockNotAvailableError:
        return
