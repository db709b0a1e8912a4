"""``nexus export …``: a conversation or a list as a file, byte for byte what the read API gives."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import NexusError, SetupError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from multidict import MultiDict

    from ops.reading import Database

app = typer.Typer(help="Write a conversation or a list into a file.", no_args_is_help=True)
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file; without it: standard output.")]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A parameter of the read API's list, several times: model=…, limit=500, …"),
]


class UnfitExportError(NexusError):
    """This cannot be written; `nexus export --help` says what can be."""


@app.command(
    epilog="Examples:  nexus export conversation ID > talk.md  |  "
    "nexus export conversation ID --format html -o talk.html"
)
def conversation(
    member: Annotated[str, typer.Argument(help="Id of any of its requests.")],
    form: Annotated[str, typer.Option("--format", help="md, html or json.")] = "md",
    branch: Annotated[str | None, typer.Option(help="Id of a branch; without it: that of the request.")] = None,
    redact: Annotated[
        bool, typer.Option(help="Leave out e-mail addresses, home directories, ids of accounts and devices.")
    ] = True,
    output: Output = None,
) -> None:
    """Write one branch as Markdown, as one HTML document, or as JSON."""
    words = [f"format={form}", f"redact={int(redact)}", *([f"branch={branch}"] if branch else [])]

    async def read(database: "Database") -> bytes:
        from dashboard.exporting import export
        from dashboard.queries import export_query, request_id_of
        from ops.stores import data_store

        found = await export(data_store(database.pool), request_id_of("ID", member), export_query(_given(words)))
        if found is None:
            raise UnfitExportError(
                f"There is no conversation with a request {member[:80]}; it may not be projected yet."
            )
        return found

    _write(_read(read), output)


@app.command(epilog="Example: nexus export requests --where model=claude-opus-4-8 --where limit=500 > requests.csv")
def requests(where: Where = None, output: Output = None) -> None:
    """Write requests as CSV, as GET /api/requests?format=csv gives them."""

    async def read(database: "Database") -> bytes:
        from dashboard.csv_lists import csv_of
        from dashboard.queries import requests_query
        from ops.clock import utc_now
        from ops.stores import data_store
        from schemas.read_api import RequestItem

        query = requests_query(_given(where or []), utc_now())
        page = query.page
        listing = await data_store(database.pool).requests(
            query.wanted, sort=query.sort, after=page.after, cursor=page.cursor, limit=page.limit
        )
        return csv_of(RequestItem, listing.items)

    _write(_read(read), output)


@app.command(epilog="Example: nexus export conversations --where since=2026-11-01 > conversations.csv")
def conversations(where: Where = None, output: Output = None) -> None:
    """Write conversations as CSV, as GET /api/conversations?format=csv gives them."""

    async def read(database: "Database") -> bytes:
        from dashboard.csv_lists import csv_of
        from dashboard.queries import conversations_query
        from ops.clock import utc_now
        from ops.stores import data_store
        from schemas.read_api import ConversationItem

        query = conversations_query(_given(where or []), utc_now())
        listing = await data_store(database.pool).conversations(
            query.wanted, sort=query.sort, cursor=query.page.cursor, limit=query.page.limit
        )
        return csv_of(ConversationItem, listing.items)

    _write(_read(read), output)


def _given(words: "Sequence[str]") -> "MultiDict[str]":
    from multidict import MultiDict

    parted = [word.partition("=") for word in words]
    if unfit := next((name for name, sign, _ in parted if not sign), None):
        raise UnfitExportError(f"{unfit[:80]!r} chooses nothing; write for instance --where model=claude-opus-4-8.")
    return MultiDict((name, value) for name, _, value in parted)


def _read(read: "Callable[[Database], Awaitable[bytes]]") -> bytes:
    from dashboard.errors import InvalidQueryError
    from ops.reading import with_database

    try:
        return with_database("export", read)
    except InvalidQueryError as error:
        raise UnfitExportError(str(error)) from error


def _write(data: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise SetupError(f"Cannot write {output}: {error.strerror}; choose another place with --output.") from error
