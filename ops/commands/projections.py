"""``nexus projections …``: how far are the read models, are they right, and how are they built anew?"""

import asyncio
import json
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import NexusError, StoreUnavailableError
from domain.ids import Position
from ops.plan import command_line

if TYPE_CHECKING:
    from ops.reading import Database
    from projections.projector import Projection
    from projections.rebuilding import LiveDigest

app = typer.Typer(help="Look at the read models, build them anew, verify them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a projection; `nexus projections list` has them.")]
OTHER_BATCH_EVENTS = 7
"""Of the build in another process: small and odd, unlike the live one's."""
Digests = dict[str, dict[str, Any]]
"""By table, as printed by ``digest``."""


class NotTheSameError(NexusError):
    """A rebuilt projection differs from the live one."""


@app.command("list")
def list_builds(as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False) -> None:
    """Every build with its state, position, lag and the exchanges set aside."""
    from ops.reading import with_database

    rows = with_database("projections", _rows)
    print(json.dumps(rows) if as_json else _table(rows))


@app.command()
def rebuild(name: Name) -> None:
    """Build the projection anew beside the live one, then switch to it. The old build is kept."""
    from ops.progress import progress_bar
    from ops.projecting import sources
    from ops.reading import with_database
    from projections.rebuilding import rebuild as rebuilt
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> int | None:
        with progress_bar(f"building {name}") as report:
            build = await rebuilt(one, sources(database.pool), progress=report)
        return build.number if build else None

    print(f"{name}: build {with_database('projections', work)} is live.")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Projections; all if none is named.")] = None,
) -> None:
    """Build each projection twice from nothing, once in another process, and compare every table with the live one."""
    from ops.reading import with_database
    from projections.registry import PROJECTIONS, projection

    chosen = [projection(name) for name in names] if names else list(PROJECTIONS)

    async def work(database: "Database") -> list[str]:
        return [one.name for one in chosen if not await _is_verified(one, database)]

    different = with_database("projections", work)
    if different:
        raise NotTheSameError(f"{', '.join(different)}: rebuilt tables differ; `nexus projections rebuild` mends them.")


@app.command(hidden=True)
def digest(
    name: Name, upto: int, batch_events: int, url: Annotated[str | None, typer.Option(help="Embedded database.")] = None
) -> None:
    """Build up to a position and print the digests; for ``verify``, in a process of its own."""
    from ops.projecting import sources
    from ops.reading import with_database
    from projections.rebuilding import rebuilt_digest
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> Digests:
        found = await rebuilt_digest(one, sources(database.pool), Position(upto), batch_events)
        return {table: asdict(each) for table, each in found.items()}

    print(json.dumps(with_database("projections", work, url)))


async def _rows(database: "Database") -> list[dict[str, Any]]:
    from ops.projecting import sources
    from projections.read_models import builds, failures

    source = sources(database.pool)
    newest = await source.log.newest()
    async with source.transactions() as tx:
        return [
            {
                "name": state.build.name,
                "version": state.build.version,
                "build": state.build.number,
                "state": state.state,
                "position": state.position,
                "lag": None if state.state == "retired" else newest - state.position,
                "failed": await failures.count(tx, state.build),
            }
            for state in await builds.states(tx)
        ]


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No projection has been built yet: start `nexus up`."
    names = ("name", "version", "build", "state", "position", "lag", "failed")
    cells = [names, *(tuple("" if row[name] is None else str(row[name]) for name in names) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


async def _is_verified(one: "Projection", database: "Database") -> bool:
    from ops.progress import progress_bar
    from ops.projecting import sources
    from projections.rebuilding import BATCH_EVENTS, live_digest, rebuilt_digest

    source = sources(database.pool)
    live = await live_digest(one, source)
    if live is None:
        print(f"{one.name}: not built yet, nothing to verify.")
        return True
    with progress_bar(f"verifying {one.name}") as report:
        here = await rebuilt_digest(one, source, live.position, BATCH_EVENTS, report)
    there = await asyncio.to_thread(_in_another_process, one.name, live.position, database)
    return _compare(one.name, live, {table: asdict(each) for table, each in here.items()}, there)


def _compare(name: str, live: "LiveDigest", here: Digests, there: Digests) -> bool:
    same = True
    for table, found in live.tables.items():
        equal = here[table] == there[table] == asdict(found)
        same = same and equal
        print(f"{name}.{table}: {found.rows} rows at position {live.position}: {'equal' if equal else 'DIFFERENT'}")
    return same


def _in_another_process(name: str, upto: Position, database: "Database") -> Digests:
    at = ("--url", database.url) if database.embedded else ()
    command = command_line("projections", "digest", name, str(upto), str(OTHER_BATCH_EVENTS), *at)
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise StoreUnavailableError(f"The other process failed: {' '.join(done.stderr.split()[-30:])}")
    found: Digests = json.loads(done.stdout)
    return found
