"""``nexus projections …``: how far are the read models, are they right, and what would another build change?"""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from domain.errors import NexusError
from domain.ids import Position

if TYPE_CHECKING:
    from ops.reading import Database
    from projections.switching import Switched

T = TypeVar("T")
app = typer.Typer(
    help="Look at the read models, build them anew, compare, switch and verify them.\n\n"
    "A build is one set of tables of a projection. `build` makes the next one beside the live one, `diff` says what "
    "would change for readers, `switch` shows it to them, and `switch --build N` goes back.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="Name of a projection; `nexus projections list` has them.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]
Number = Annotated[int | None, typer.Option("--build", help="Its number; the newest one beside the live one if none.")]


_SHOWN = 3


class SetAsideError(NexusError):
    """Exchanges that were set aside fail still."""


class NotTheSameError(NexusError):
    """A rebuilt projection differs from the live one."""


@app.command("list", epilog="Example: nexus projections list")
def list_builds(as_json: AsJson = False) -> None:
    """Every build with its state, position, lag and the exchanges set aside."""
    rows = _with_database(_rows)
    print(json.dumps(rows) if as_json else _table(rows))


@app.command(epilog="Example: nexus projections build conversations")
def build(name: Name) -> None:
    """Build the projection anew beside the live one. Readers see nothing of it until you `switch`."""
    from ops.progress import progress_bar
    from ops.projecting import sources
    from projections.rebuilding import build_beside
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> int:
        with progress_bar(f"building {name}") as report:
            return (await build_beside(one, sources(database.pool), progress=report)).number

    print(f"{name}: build {_with_database(work)} is ready; `nexus projections diff {name}` compares it.")


@app.command(epilog="Example: nexus projections rebuild requests")
def rebuild(name: Name) -> None:
    """Build the projection anew beside the live one, then switch to it. Of the old builds the last one is kept."""
    from ops.progress import progress_bar
    from ops.projecting import sources
    from projections.rebuilding import rebuild as rebuilt
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> int | None:
        with progress_bar(f"building {name}") as report:
            made = await rebuilt(one, sources(database.pool), progress=report)
        return made.number if made else None

    print(f"{name}: build {_with_database(work)} is live.")


@app.command(epilog="Example: nexus projections retry requests")
def retry(name: Name) -> None:
    """Try the exchanges again that were set aside, after an upgrade say. What is taken in is as after a rebuild."""
    from ops.projecting import sources
    from projections.registry import projection
    from projections.retrying import Retried
    from projections.retrying import retry as tried_again

    one = projection(name)

    async def work(database: "Database") -> Retried:
        return await tried_again(one, sources(database.pool))

    done = _with_database(work)
    print(f"{name}: {done.taken_in} of {done.taken_in + len(done.left)} exchanges are taken in now.")
    if done.left:
        shown = ", ".join(map(str, done.left[:_SHOWN]))
        raise SetAsideError(f"{len(done.left)} fail still, first {shown}; `nexus events show` has what is recorded.")


@app.command(epilog="Example: nexus projections diff conversations --limit 20")
def diff(
    name: Name,
    number: Number = None,
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=0, help="So many examples of each kind.")] = 5,
) -> None:
    """What would change for readers if another build were live? Both are compared at the same position.

    For conversations: which merge, split or move, how many tokens move with them, and which exchanges are linked
    otherwise. For every table: rows added, removed and changed, and the columns that differ.
    """
    from ops import diff_text
    from ops.progress import progress_bar
    from ops.projecting import READING_DEADLINE_S, sources
    from projections.comparing import Comparison, compare
    from projections.registry import projection
    from projections.switching import choose

    one = projection(name)

    async def work(database: "Database") -> Comparison:
        source = sources(database.pool, READING_DEADLINE_S)
        chosen = await choose(one, source, number)
        with progress_bar(f"catching up {name}") as report:
            return await compare(one, chosen.build, source, limit, report)

    found = _with_database(work)
    print(json.dumps(diff_text.as_json(found)) if as_json else diff_text.text(found, limit))


@app.command(epilog="Example: nexus projections switch conversations --build 2")
def switch(
    name: Name,
    number: Number = None,
    pin: Annotated[
        bool,
        typer.Option(
            "--pin",
            help="Also to a build of another version. This Nexus cannot follow it: its rows stop where they are until "
            "you switch again, rebuild, or install a newer version.",
        ),
    ] = False,
) -> None:
    """Catch a build up and show it to readers. The one before is kept: `switch --build` goes back to it."""
    from ops.progress import progress_bar
    from ops.projecting import sources
    from projections.registry import projection
    from projections.switching import choose, switch_to

    one = projection(name)

    async def work(database: "Database") -> "Switched":
        source = sources(database.pool)
        chosen = await choose(one, source, number)
        with progress_bar(f"catching up {name}") as report:
            return await switch_to(one, chosen.build, source, pin=pin, progress=report)

    print("\n".join(_switched(_with_database(work))))


@app.command(epilog="Example: nexus projections drop conversations --build 3")
def drop(
    name: Name, number: Annotated[int, typer.Option("--build", help="Number of a build that is not live.")]
) -> None:
    """Remove a build that is not live, with all its rows. Events are never touched."""
    from ops.projecting import sources
    from projections import switching
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> None:
        source = sources(database.pool)
        await switching.drop(await switching.choose(one, source, number), source)

    _with_database(work)
    print(f"{name}: build {number} is dropped.")


@app.command(epilog="Example: nexus projections verify")
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Projections; all if none is named.")] = None,
) -> None:
    """Build each projection twice from nothing, once in another process, and compare every table with the live one."""
    from ops.verifying import verify as verified
    from projections.registry import PROJECTIONS, projection

    chosen = [projection(name) for name in names] if names else list(PROJECTIONS)

    async def work(database: "Database") -> list[str]:
        wrong = []
        for one in chosen:
            lines, right = await verified(one, database)
            print("\n".join(lines), flush=True)
            wrong += [] if right else [one.name]
        return wrong

    different = _with_database(work)
    if different:
        raise NotTheSameError(
            f"{', '.join(different)}: not what the events give, see above; `nexus projections rebuild` mends that."
        )


@app.command(hidden=True)
def digest(
    name: Name, upto: int, batch_events: int, url: Annotated[str | None, typer.Option(help="Embedded database.")] = None
) -> None:
    """Build up to a position and print the digests; for ``verify``, in a process of its own."""
    from ops.projecting import READING_DEADLINE_S, sources
    from ops.verifying import as_json
    from projections.rebuilding import rebuilt_digest
    from projections.registry import projection

    one = projection(name)

    async def work(database: "Database") -> str:
        source = sources(database.pool, READING_DEADLINE_S)
        return as_json(await rebuilt_digest(one, source, Position(upto), batch_events))

    print(_with_database(work, url))


def _with_database(work: Callable[["Database"], Awaitable[T]], url: str | None = None) -> T:
    from ops.reading import with_database

    return with_database("projections", work, url)


def _switched(done: "Switched") -> list[str]:
    name, number = done.build.name, done.build.number
    lines = [f"{name}: build {number} is live{'' if done.before else ' already'}."]
    if done.before:
        lines += [f"Back: `nexus projections switch {name} --build {done.before.number}`."]
    if done.pinned:
        lines.append(
            f"It is of version {done.build.version} and pinned: rows stop at position {done.position} of {done.newest} "
            "until you switch again, rebuild, or install a newer version."
        )
    if done.lacking:
        lines += [f"It lacks {', '.join(done.lacking)}: pages that read these fail until then."]
    return lines


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
                "pinned": state.pinned_against is not None,
                "position": state.position,
                "lag": None if state.state == "retired" else newest - state.position,
                "failed": await failures.count(tx, state.build),
            }
            for state in await builds.states(tx)
        ]


def _table(rows: list[dict[str, Any]]) -> str:
    from ops.text_table import text_table

    if not rows:
        return "No projection has been built yet: start `nexus up`."
    names = ("name", "version", "build", "state", "position", "lag", "failed")
    return text_table(names, [tuple(_cell(row, name) for name in names) for row in rows])


def _cell(row: dict[str, Any], name: str) -> str:
    if name == "state" and row["pinned"]:
        return "live, pinned"
    return "" if row[name] is None else str(row[name])
