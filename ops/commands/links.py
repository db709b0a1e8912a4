"""``nexus links …``: why is a request linked as it is, and how does a person put it right?"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from domain.errors import NexusError, SetupError
from ops.user_name import user_name

if TYPE_CHECKING:
    from ops.reading import Database
    from projections.read_models.link_queries import Linked

app = typer.Typer(help="Show links with their evidence, correct them, take corrections back.", no_args_is_help=True)
RequestId = Annotated[str, typer.Argument(help="Request id: the x-nexus-request-id of the answer.")]
Who = Annotated[str | None, typer.Option(help="Who says so; you, if not given.")]
Why = Annotated[str, typer.Option(help="Why; shown as the link's evidence.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


T = TypeVar("T")


class NotLinkedError(NexusError):
    """There is no link of this request."""


@app.command(epilog="Example: nexus links show 01890a5d-ac96-774b-bcce-b302099a8057")
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """Print how a request is linked, and why."""
    one = _id(request_id)
    found = _found([one])[one]
    print(json.dumps(_plain(found)) if as_json else _as_text(found))


@app.command(epilog='Example: nexus links correct 01890a5d-ac96-774b-bcce-b302099a8057 --root --why "a new task"')
def correct(
    request_id: RequestId,
    parent: Annotated[str | None, typer.Option(help="The request that it goes on from.")] = None,
    root: Annotated[bool, typer.Option("--root", help="It begins a conversation of its own.")] = False,
    why: Why = "",
    who: Who = None,
) -> None:
    """Say where a request belongs; that stands over what linking decides, until it is undone."""
    from ops.clock import utc_now
    from ops.db import corrections

    if (parent is None) == (not root):
        raise SetupError("Say where it belongs: either --parent ID or --root.")
    one, above = _id(request_id), _id(parent) if parent is not None else None

    async def work(database: "Database") -> None:
        _check(await _read(database, [one, *([above] if above else [])]), one, above)
        await asyncio.to_thread(
            corrections.correct, database.url, one, above, who=who or user_name(), why=why, at=utc_now()
        )

    _with_database(work)
    print(f"{one}: {f'goes on from {above}' if above else 'is a root'}, says {who or user_name()}. {_SHOWN_SOON}")


@app.command(epilog='Example: nexus links undo 01890a5d-ac96-774b-bcce-b302099a8057 --why "it was right"')
def undo(request_id: RequestId, why: Why = "", who: Who = None) -> None:
    """Take a correction back: linking decides again."""
    from ops.clock import utc_now
    from ops.db import corrections

    one = _id(request_id)

    async def work(database: "Database") -> None:
        await asyncio.to_thread(corrections.undo, database.url, one, who=who or user_name(), why=why, at=utc_now())

    _with_database(work)
    print(f"{one}: linking decides again. {_SHOWN_SOON}")


@app.command("list", epilog="Example: nexus links list --json")
def list_corrections(as_json: AsJson = False) -> None:
    """Every link that stands corrected."""
    from projections.read_models.link_queries import corrected

    async def work(database: "Database") -> "list[Linked]":
        async with database.pool.acquire() as connection:
            return await corrected(connection)

    found = _with_database(work)
    if as_json:
        print(json.dumps([_plain(one) for one in found]))
    else:
        print("\n\n".join(map(_as_text, found)) or "No link stands corrected.")


_SHOWN_SOON = "The projector takes it in within a second, or when Nexus runs again."


def _check(found: "dict[UUID, Linked]", request_id: UUID, parent: UUID | None) -> None:
    """A parent must be earlier, or links would go round in circles; nothing is ever joined across tenants."""
    if parent is None:
        return
    below, above = found[request_id], found[parent]
    if (above.received_at, above.request_id) >= (below.received_at, below.request_id):
        raise SetupError(f"{parent} came later than {request_id}; a request goes on from an earlier one.")
    if above.scope != below.scope:
        raise SetupError(f"{parent} is another tenant's; nothing is joined across tenants.")
    if above.conversation_id is None:
        raise SetupError(f"{parent} stands alone ({above.request_class}); name a request of a conversation.")


def _found(request_ids: list[UUID]) -> "dict[UUID, Linked]":
    async def work(database: "Database") -> "dict[UUID, Linked]":
        return await _read(database, request_ids)

    return _with_database(work)


async def _read(database: "Database", request_ids: list[UUID]) -> "dict[UUID, Linked]":
    from projections.read_models.link_queries import linked

    async with database.pool.acquire() as connection:
        found = await linked(connection, request_ids)
    for one in request_ids:
        if one not in found:
            raise NotLinkedError(f"{one} is not linked: it is not recorded, or not taken in yet (`nexus status`).")
    return found


def _with_database(work: "Callable[[Database], Awaitable[T]]") -> T:
    from ops.reading import with_database

    return with_database("links", work)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SetupError(f"{text!r} is no request id; it is the x-nexus-request-id of the answer.") from None


def _plain(one: "Linked") -> dict[str, Any]:
    return {
        "request_id": str(one.request_id),
        "received_at": one.received_at.isoformat(),
        "class": one.request_class,
        "edge": one.edge,
        "parent_request_id": str(one.parent_request_id) if one.parent_request_id else None,
        "conversation_id": str(one.conversation_id) if one.conversation_id else None,
        "confidence": one.confidence,
        "evidence": [{"kind": each.kind, "detail": each.detail} for each in one.evidence],
        "corrected_by": one.corrected_by,
    }


def _as_text(one: "Linked") -> str:
    said = " ".join(one.asked.split())[:100]
    head = f"{one.request_id}  {one.request_class}  {one.edge}  confidence {one.confidence:g}"
    lines = [head, f"  asked         {said}" if said else "", f"  parent        {one.parent_request_id or 'none'}"]
    lines += [f"  conversation  {one.conversation_id or 'none'}"]
    lines += [f"  because       {each.kind}: {each.detail}" for each in one.evidence]
    lines += [f"  corrected by  {one.corrected_by}"] if one.corrected_by else []
    return "\n".join(filter(None, lines))
