"""Which build of a projection is live? Builds, their schemas and checkpoints, and the views that show the live one.

Each build has its tables in a schema of its own, ``p_<name>_<build>``. Readers use the views in schema ``read``; a
switch replaces them in one transaction. The checkpoint is a row in the layout of the eventsourcing library's tracking
table; it only moves from the position the writer read, so two writers of one build cannot both commit.

A live build may be pinned against a version of the code: code of that version leaves it live, though it made another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from domain.errors import NexusError, SetupError
from domain.ids import Position
from projections.read_models import catalog, narrowing
from projections.read_models.connection import Connection


class Tables(Protocol):
    """What of a projection its builds need to know."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def schema_file(self) -> str: ...

    @property
    def views(self) -> Sequence[str]: ...


FOLDER = Path(__file__).parent
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,60}")

SELECT_LIVE = "SELECT version, build FROM public.projections WHERE name = $1 AND state = 'live'"
LOCK_PROJECTIONS = "LOCK TABLE public.projections IN SHARE ROW EXCLUSIVE MODE"
SELECT_NEXT_BUILD = "SELECT coalesce(max(build), 0) + 1 FROM public.projections WHERE name = $1"
INSERT_BUILD = """
INSERT INTO public.projections (name, version, build, schema, state) VALUES ($1, $2, $3, $4, $5)
"""
RETIRE_LIVE = """
UPDATE public.projections SET state = 'retired', pinned_against = NULL WHERE name = $1 AND state = 'live'
"""
MAKE_LIVE = """
UPDATE public.projections SET state = 'live', switched_at = now(), pinned_against = $3 WHERE name = $1 AND build = $2
"""
SELECT_BUILDS = """
SELECT p.name, p.version, p.build, p.state, p.pinned_against, t.notification_id AS position
FROM public.projections p
LEFT JOIN public.nexus_tracking t ON t.application_name = p.name || ':' || p.build
WHERE $1::text IS NULL OR p.name = $1
ORDER BY p.name, p.build
"""
DELETE_BUILD = "DELETE FROM public.projections WHERE name = $1 AND build = $2 AND state <> 'live'"
DELETE_FAILURES = "DELETE FROM public.projection_failures WHERE name = $1 AND build = $2"
DELETE_CHECKPOINT = "DELETE FROM public.nexus_tracking WHERE application_name = $1"
INSERT_CHECKPOINT = "INSERT INTO public.nexus_tracking (application_name, notification_id) VALUES ($1, 0)"
SELECT_CHECKPOINT = "SELECT notification_id FROM public.nexus_tracking WHERE application_name = $1"
HOLD_CHECKPOINT = "SELECT notification_id FROM public.nexus_tracking WHERE application_name = $1 FOR UPDATE"
MOVE_CHECKPOINT = """
UPDATE public.nexus_tracking SET notification_id = $3 WHERE application_name = $1 AND notification_id = $2
RETURNING set_config('synchronous_commit', 'off', true)
"""
SET_SEARCH_PATH = "SELECT set_config('search_path', $1, true)"
CREATE_SCHEMA = "CREATE SCHEMA {schema}"
DROP_SCHEMA = "DROP SCHEMA IF EXISTS {schema} CASCADE"
DROP_VIEW = "DROP VIEW IF EXISTS read.{view}"
CREATE_VIEW = "CREATE VIEW read.{view} AS SELECT * FROM {schema}.{view}"
DROP_NARROW_VIEW = "DROP VIEW IF EXISTS {narrow}.{view}"
CREATE_NARROW_VIEW = "CREATE VIEW {narrow}.{view} AS SELECT {{columns}} FROM {schema}.{view} t WHERE {{condition}}"
SELECT_NARROW_VIEWS = """
SELECT count(*) FROM pg_views WHERE schemaname = ANY($1) AND viewname = ANY($2)
"""


State = Literal["building", "live", "retired", "scratch"]
"""``scratch``: made only to be compared and dropped."""


class LostCheckpointError(NexusError):
    """Another process moved this projection's checkpoint."""


class GoneBuildError(LostCheckpointError):
    """This build was dropped meanwhile; `nexus projections list` shows those there are."""


class UnfitBuildError(SetupError):
    """This cannot be done with this build; the message says what can."""


@dataclass(frozen=True, slots=True)
class Build:
    """One set of tables of a projection."""

    name: str
    version: int
    number: int

    @property
    def schema(self) -> str:
        return f"p_{self.name}_{self.number}"

    @property
    def tracking_name(self) -> str:
        """The checkpoint's key."""
        return f"{self.name}:{self.number}"


async def live(connection: Connection, name: str) -> Build | None:
    row = await connection.fetchrow(SELECT_LIVE, name)
    return Build(name, row["version"], row["build"]) if row else None


async def lock(tx: Connection) -> None:
    """No build is made, switched or dropped by others until the end of the transaction."""
    await tx.execute(LOCK_PROJECTIONS)


async def ensure_live(tx: Connection, projection: Tables) -> Build:
    """The live build; made empty when there is none. Several starters at once make one."""
    await lock(tx)
    found = await live(tx, projection.name)
    if found is None:
        found = await create(tx, projection)
        await switch(tx, projection, found)
    await _show_narrow(tx, projection, found)
    return found


async def create(tx: Connection, projection: Tables, state: State = "building") -> Build:
    """A new, empty build beside the live one."""
    await lock(tx)
    number: int = await tx.fetchval(SELECT_NEXT_BUILD, projection.name)
    build = Build(projection.name, projection.version, number)
    await tx.execute(INSERT_BUILD, build.name, build.version, build.number, build.schema, state)
    await tx.execute(INSERT_CHECKPOINT, build.tracking_name)
    await tx.execute(named(CREATE_SCHEMA, schema=build.schema))
    await enter(tx, build)
    await tx.execute((FOLDER / projection.schema_file).read_text())
    return build


async def switch(tx: Connection, projection: Tables, build: Build, pinned_against: int | None = None) -> Build | None:
    """Show this build to readers; the one before is kept, retired, and returned if there was another.

    ``pinned_against``: the version of the code that is to leave it live. Raises GoneBuildError, UnfitBuildError.
    """
    await lock(tx)
    before = await live(tx, projection.name)
    await tx.execute(RETIRE_LIVE, projection.name)
    if await tx.execute(MAKE_LIVE, projection.name, build.number, pinned_against) != "UPDATE 1":
        raise GoneBuildError
    tables = await catalog.tables(tx, build.schema)
    for view in projection.views:
        if view not in tables:
            raise UnfitBuildError(f"Build {build.number} of {build.name} has no table {view}: rebuild it.")
        await tx.execute(named(DROP_VIEW, view=view))
        await tx.execute(named(CREATE_VIEW, view=view, schema=build.schema))
    for narrow in narrowing.NARROW_SCHEMAS:
        for view in projection.views:
            await tx.execute(named(DROP_NARROW_VIEW, narrow=narrow, view=view))
    await _show_narrow(tx, projection, build)
    return before if before != build else None


async def _show_narrow(tx: Connection, projection: Tables, build: Build) -> None:
    """Make the views for who sees less, unless they are there; a store from before there were any lacks them."""
    schemas, views = list(narrowing.NARROW_SCHEMAS), list(projection.views)
    if await tx.fetchval(SELECT_NARROW_VIEWS, schemas, views) == len(schemas) * len(views):
        return
    for narrow in schemas:
        for view in views:
            columns = (await catalog.columns(tx, build.schema, view)).names
            shown = narrowing.columns_of(narrow, view, columns)
            condition = narrowing.condition_of(narrow, view, build.schema)
            create = named(CREATE_NARROW_VIEW, narrow=narrow, view=view, schema=build.schema)
            await tx.execute(named(DROP_NARROW_VIEW, narrow=narrow, view=view))
            await tx.execute(create.format(columns=shown, condition=condition))


async def drop(tx: Connection, build: Build) -> None:
    """Forget a build that is not live, with all its rows; nothing happens if it is gone. Raises UnfitBuildError."""
    await lock(tx)
    if await live(tx, build.name) == build:
        raise UnfitBuildError(f"Build {build.number} of {build.name} is live; switch to another one first.")
    await tx.execute(DELETE_BUILD, build.name, build.number)
    await tx.execute(DELETE_CHECKPOINT, build.tracking_name)
    await tx.execute(DELETE_FAILURES, build.name, build.number)
    await tx.execute(named(DROP_SCHEMA, schema=build.schema))


async def enter(tx: Connection, build: Build) -> None:
    """From here to the end of the transaction, unqualified names mean this build's tables."""
    await tx.execute(SET_SEARCH_PATH, f"{build.schema}, public")


async def checkpoint(connection: Connection, build: Build) -> Position:
    return Position(await connection.fetchval(SELECT_CHECKPOINT, build.tracking_name) or 0)


async def hold(tx: Connection, build: Build) -> Position:
    """The checkpoint; it and the rows stay as they are to the end of the transaction. Raises GoneBuildError."""
    position = await tx.fetchval(HOLD_CHECKPOINT, build.tracking_name)
    if position is None:
        raise GoneBuildError
    return Position(position)


async def move_checkpoint(tx: Connection, build: Build, before: Position, after: Position) -> None:
    """Raises LostCheckpointError if the checkpoint does not stand at ``before``.

    The transaction's commit does not wait for the disk: if the server dies, rows and checkpoint go back together, to a
    state they had before, and the events are taken in once more.
    """
    done = await tx.execute(MOVE_CHECKPOINT, build.tracking_name, before, after)
    if done != "UPDATE 1":
        raise LostCheckpointError(f"The checkpoint of {build.tracking_name} is not at {before} any more.")


@dataclass(frozen=True, slots=True)
class BuildState:
    """A build and how far it is."""

    build: Build
    state: State
    position: Position
    pinned_against: int | None = None
    """The version of the code that leaves this build live."""


async def states(connection: Connection, name: str | None = None) -> list[BuildState]:
    """By name and number; of one projection if named."""
    return [
        BuildState(
            Build(row["name"], row["version"], row["build"]),
            row["state"],
            Position(row["position"] or 0),
            row["pinned_against"],
        )
        for row in await connection.fetch(SELECT_BUILDS, name)
    ]


async def live_state(connection: Connection, name: str) -> BuildState | None:
    return next((one for one in await states(connection, name) if one.state == "live"), None)


def named(statement: str, **names: str) -> str:
    """Identifiers cannot be bound parameters: they are checked here, the only place that puts one into SQL."""
    for name in names.values():
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"Not an identifier: {name!r}.")
    return statement.format(**names)
