"""How is the database? Reachable, of this version, and without builds that nobody needs. Never started for this."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from domain.errors import StoreUnavailableError
from ops.db.dsn import parse_dsn
from ops.doctor.findings import Finding, Patient, ok, problem, warning

if TYPE_CHECKING:
    from ops.db.dashboard_role import Standing
    from ops.db.pool import OwnConnection

_DEADLINE_S = 8.0


async def database(patient: Patient) -> Finding:
    """Reached, and at the right migration."""
    from ops.db.migrate import status

    url = _url(patient)
    if not url:
        return _embedded_at_rest(patient)
    try:
        async with _connected(url) as connection:
            found = await status(connection)
    except StoreUnavailableError as away:
        return problem(str(away).rstrip("."), "Start it, or correct DATABASE_URL; records wait on this disk meanwhile.")
    said = str(parse_dsn(url)) if patient.settings.database_url else "the embedded database"
    if found.pending:
        mend = "Run `nexus migrate`; `nexus up` does it at its start."
        return warning(f"{said} answers, {len(found.pending)} migrations are pending", mend)
    return ok(f"{said} answers, all {len(found.applied)} migrations are applied")


async def builds(patient: Patient) -> Finding:
    """Builds of projections that were left behind, rows that stand still, exchanges that were set aside."""
    from ops.db.migrate import status
    from projections.read_models import builds as of_projections
    from projections.read_models import failures

    url = _url(patient)
    if not url:
        return ok("no database runs that could be asked")
    try:
        async with _connected(url) as connection:
            if not (await status(connection)).applied:
                return ok("nothing is built yet")
            states = await of_projections.states(connection)
            set_aside = [await failures.count(connection, one.build) for one in states if one.state == "live"]
    except StoreUnavailableError:
        return ok("not looked at: the database is away")
    if pinned := [one.build.name for one in states if one.pinned_against is not None]:
        mend = f"`nexus projections switch {pinned[0]}` or `rebuild` goes on with this version."
        return warning(f"rows stand still, pinned to an older build: {', '.join(pinned)}", mend)
    if sum(set_aside):
        mend = "`nexus projections list` counts them; `nexus projections retry NAME` with a newer Nexus takes them up."
        return warning(f"{sum(set_aside)} exchanges could not be projected and were set aside", mend)
    if left := [one.build for one in states if one.state in {"building", "scratch"}]:
        mend = f"If no command works on it: `nexus projections drop {left[0].name} --build {left[0].number}`."
        return warning(f"{len(left)} builds of projections were left behind", mend)
    return ok(f"{len(states)} builds, none left behind")


async def dashboard_role(patient: Patient) -> Finding:
    """Whether the dashboard could write, were it made to; asked on the very way that it takes."""
    from ops.db.borrowing import borrowed
    from ops.db.dashboard_role import standing
    from ops.stores import opened

    replica = patient.settings.database_read_url
    url = replica.get_secret_value() if replica else _url(patient)
    if not url:
        return ok("no database runs that could be asked")
    try:
        async with (
            opened(url, "nexus-doctor", reads_only=True, max_size=1) as pool,
            borrowed(pool, _DEADLINE_S) as connection,
        ):
            found = await standing(connection)
    except StoreUnavailableError:
        return ok("not looked at: the database is away")
    return ok("nothing is migrated yet") if found is None else _of_role(found)


def _of_role(found: "Standing") -> Finding:
    """What is missing, and what mends it."""
    if found.is_taken:
        return ok(f"the dashboard reads as {found.role}, which may write nothing")
    if not found.could_write:
        return ok(f"the dashboard reads as {found.who}, who may not write")
    said = f"the dashboard reads as {found.who}, who may also write: "
    role, who = (name.replace('"', '""') for name in (found.role, found.who))
    make, lend = f'CREATE ROLE "{role}" NOLOGIN;', f'GRANT "{role}" TO "{who}";'
    by_admin = "As an administrator of the database server: `{}`; then `nexus migrate`."
    if found.is_strange:
        mend = f'If nobody needs it: `ALTER ROLE "{role}" NOLOGIN NOSUPERUSER;`, then `nexus migrate`.'
        return warning(f"{said}the role {found.role} is somebody else's, it can log in or do everything", mend)
    if not found.is_there:
        return warning(f"{said}there is no role {found.role}", by_admin.format(f"{make} {lend}"))
    if not found.is_lent:
        return warning(f"{said}{found.who} may not take the role {found.role}", by_admin.format(lend))
    if not found.may_read:
        return warning(f"{said}{found.role} may not read everything", f"Run `nexus migrate` as {found.owner}.")
    mend = "Give the dashboard a user of its own in DATABASE_READ_URL: docs/scaling.md."
    return warning(f"{said}a pooler lends the session to others", mend)


def _url(patient: Patient) -> str:
    """Of a database that runs: set, or the embedded one of the running `nexus up`."""
    if patient.settings.database_url is not None:
        return patient.settings.database_url.get_secret_value()
    return patient.running.database_url if patient.running else ""


def _embedded_at_rest(patient: Patient) -> Finding:
    from ops.db.embedded import status

    directory = patient.home.postgres
    if not patient.settings.storage_enabled:
        return ok("no database is needed: nothing is recorded")
    if not directory.is_dir() or not any(directory.iterdir()):
        return ok("the embedded database is made by the first `nexus up`")
    pid = status(directory)
    if pid is None or patient.holder is not None:
        return ok("the embedded database runs only while `nexus up` does")
    mend = "Start `nexus up`: it takes the server over, and stops it when it ends."
    return warning(f"the embedded database runs without a `nexus up` (pid {pid})", mend)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator["OwnConnection"]:
    """Raises SetupError or StoreUnavailableError, in words that hold no password."""
    from ops.db.borrowing import cut_off
    from ops.db.pool import open_connection

    connection = await open_connection(url, application_name="nexus-doctor")
    try:
        with cut_off(connection, _DEADLINE_S):
            yield connection
    finally:
        connection.terminate()
