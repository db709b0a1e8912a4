"""``nexus people …``: who may look at the dashboard? Added, shown, changed, logged out, removed."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import NexusError, SetupError, StoreUnavailableError

if TYPE_CHECKING:
    from domain.people import Person
    from ops.people_desk import Added, PeopleDesk


class OutHereError(NexusError):
    """The store follows once it answers, by a dashboard that runs here or by this command again."""


app = typer.Typer(help="Say who may look at the dashboard, and at what of it.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the person, or the id that `list` shows.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]
Role = Annotated[str, typer.Option(help="usage: numbers only; reader: also what was said; admin: everything.")]
Accounts = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Only these accounts, or scopes by their names; all: every one there is."),
]
LinkFor = Annotated[str, typer.Option(help="How long the link works: 12h, 3d, a date.")]
_ONCE = "This is the only time the key is shown; Nexus keeps a hash of it."


@app.command(epilog="Example: nexus people add ada --role reader --accounts acme,beta")
def add(
    name: Annotated[str, typer.Argument(help="What the person is called.")],
    role: Role,
    accounts: Accounts = None,
    link_for: LinkFor = "3d",
    as_json: AsJson = False,
) -> None:
    """Let somebody look: print a key, and a link that logs in once. Without --accounts: all of them."""
    from ops.people_desk import accounts_in, with_desk

    async def work(desk: "PeopleDesk") -> "Added":
        return await desk.add(name, role, accounts_in(accounts), link_for)

    added = with_desk(work)
    if as_json:
        print(json.dumps({"key": added.key, "link": added.link, **_plain(added.person)}))
    else:
        print(f"key   {added.key}\nlink  {added.link}")
    _note(_ONCE)


@app.command("list", epilog="Example: nexus people list --json")
def list_people(as_json: AsJson = False) -> None:
    """Everybody, those who may look first."""
    from ops.clock import utc_now
    from ops.people_desk import with_desk
    from ops.people_tables import people_table

    async def work(desk: "PeopleDesk") -> "list[Person]":
        return list(desk.book.people.values())

    found = with_desk(work)
    if as_json:
        print(json.dumps([_plain(one) for one in found]))
    else:
        print(people_table(found, utc_now()) if found else "Only the owner looks; `nexus people add` lets others.")


@app.command(epilog="Example: nexus people change ada --role admin --accounts all")
def change(
    name: Name,
    role: Annotated[str | None, typer.Option(help="usage, reader or admin.")] = None,
    accounts: Accounts = None,
    as_json: AsJson = False,
) -> None:
    """Give another role or other accounts. What the person has open ends within a second."""
    from ops.people_desk import accounts_in, role_in

    if role is None and accounts is None:
        raise SetupError("Say what changes: --role, --accounts or both.")

    def word(one: "Person", who: str, at: datetime) -> None:
        if role is not None:
            one.change_role(role_in(role), who=who, at=at)
        if accounts is not None:
            one.change_accounts(accounts_in(accounts), who=who, at=at)

    _tell(_changed(name, word), "is changed", as_json=as_json)


@app.command(epilog="Example: nexus people link ada --link-for 12h")
def link(name: Name, link_for: LinkFor = "3d", as_json: AsJson = False) -> None:
    """Print a new link that logs in once; an earlier one works no more."""
    from ops.people_desk import with_desk

    async def work(desk: "PeopleDesk") -> "tuple[Person, str]":
        return await desk.make_link(desk.meant(name), link_for)

    person, made = with_desk(work)
    print(json.dumps({"link": made, **_plain(person)}) if as_json else made)


@app.command(epilog="Example: nexus people renew ada")
def renew(name: Name, as_json: AsJson = False) -> None:
    """Print a new key; the one before opens nothing any more, and what it opened ends."""
    from ops.people_desk import with_desk

    async def work(desk: "PeopleDesk") -> "tuple[Person, str]":
        return await desk.renew_key(desk.meant(name))

    person, key = with_desk(work)
    print(json.dumps({"key": key, **_plain(person)}) if as_json else key)
    _note(_ONCE)


@app.command(epilog="Example: nexus people logout ada")
def logout(name: Name, as_json: AsJson = False) -> None:
    """End every session of a person's within a second; `owner`: of who has the dashboard's own key, on this host."""
    from domain.viewers import OWNER
    from ops.people_desk import put_out_here

    if name == OWNER.name:
        put_out_here(name)
        print(json.dumps({"name": name}) if as_json else "The owner is logged out on this host.")
        return
    _tell(_changed(name, lambda one, who, at: one.log_out(who=who, at=at)), "is logged out", as_json=as_json)


@app.command(epilog="Example: nexus people remove ada")
def remove(name: Name, as_json: AsJson = False) -> None:
    """Shut somebody out for ever. By name, this host does so at once, also while PostgreSQL is away."""
    from ops.people_desk import put_out_here, with_desk

    async def work(desk: "PeopleDesk") -> "Person":
        one = desk.meant(name)
        put_out_here(one.name)
        return await desk.remove(one)

    try:
        removed = with_desk(work)
    except StoreUnavailableError as error:
        put_out_here(name)
        if as_json:
            print(json.dumps({"name": name, "out_here": True, "stored": False}))
        _note(f"Whoever is called {name} is out on this host already.")
        raise OutHereError(f"{error} {OutHereError.__doc__}") from error
    _tell(removed, "is removed", as_json=as_json)


def _changed(name: str, word: "Callable[[Person, str, datetime], None]") -> "Person":
    from ops.people_desk import with_desk

    async def work(desk: "PeopleDesk") -> "Person":
        return await desk.change(desk.meant(name), word)

    return with_desk(work)


def _tell(person: "Person", what: str, *, as_json: bool) -> None:
    print(json.dumps(_plain(person)) if as_json else f"{person.name} ({person.person_id}) {what}.")


def _plain(person: "Person") -> dict[str, object]:
    from ops.people_tables import person_plain

    return person_plain(person)


def _note(text: str) -> None:
    print(text, file=sys.stderr)
