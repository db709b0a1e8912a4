"""``nexus keys …``: who may use this gateway? Client keys: issued, shown, changed, revoked."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import NexusError, SetupError

if TYPE_CHECKING:
    from credentials.key_snapshot import KeyFacts
    from credentials.tombstones import Tombstone
    from domain.client_keys import ClientKey
    from ops.home import Home
    from ops.key_desk import KeyDesk


class RevokedHereError(NexusError):
    """The store follows once it answers, by a shipper that runs here or by this command again; other hosts then too."""


app = typer.Typer(help="Issue, list, change and revoke client keys.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(metavar="KEY", help="Public id of the key, or its name.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="messages, count_tokens, models, batches, files or all; may be given again."),
]

_FIRST = "From now on the gateway wants a client key of everybody (managed mode), unless NEXUS_MODE says otherwise."
_ONCE = "This is the only time the key is shown; Nexus keeps a hash of it."


@app.command(epilog="Example: nexus keys create ci --domain team-a.example --expires 90d")
def create(
    name: Annotated[str, typer.Argument(help="What people call the key.")],
    domain: Annotated[str, typer.Option(help="Client domain: a label of its requests; names its credential.")],
    account: Annotated[str | None, typer.Option(help="Tenant; the domain, if not given.")] = None,
    scope: Scopes = None,
    expires: Annotated[str, typer.Option(help="90d, 12h, 2027-01-31 (to the day's end, UTC) or never.")] = "never",
    as_json: AsJson = False,
) -> None:
    """Issue a key and print it, this once."""
    from credentials.key_text import RANDOM_BYTES, hash_of, make
    from domain.client_keys import NewKey
    from domain.key_scopes import DEFAULT_SCOPES
    from ops.clock import utc_now
    from ops.db import client_keys
    from ops.key_desk import with_desk
    from ops.key_tables import key_plain
    from ops.moments import moment_in
    from ops.user_name import user_name

    now = utc_now()
    made = make(_random(RANDOM_BYTES))
    new = NewKey(
        key_id=made.key_id,
        secret_hash=hash_of(made.text).hex(),
        name=name,
        account=account if account is not None else domain.lower(),
        client_domain=domain.lower(),
        scopes=frozenset(scope) if scope else DEFAULT_SCOPES,
        expires_at=moment_in(expires, now),
    )

    async def work(desk: "KeyDesk") -> tuple["ClientKey", bool]:
        is_first = not desk.book.keys
        _refuse_taken(desk, name)
        await desk.save(partial(client_keys.issue, new=new, who=user_name(), at=now))
        return desk.key(made.key_id), is_first

    key, is_first = with_desk("keys", work)
    if as_json:
        print(json.dumps({"key": made.text, **key_plain(key, now)}))
    else:
        print(made.text)
        if sys.stdout.isatty():
            print(_how_to_use(made.text))
    _note(_ONCE)
    if is_first:
        _note(_FIRST)


@app.command("list", epilog="Example: nexus keys list --json")
def list_keys(as_json: AsJson = False) -> None:
    """Every key, those in force first."""
    from ops.clock import utc_now
    from ops.key_desk import with_desk
    from ops.key_tables import key_plain, keys_table

    async def work(desk: "KeyDesk") -> list["ClientKey"]:
        return list(desk.book.keys.values())

    keys, now = with_desk("keys", work), utc_now()
    if as_json:
        print(json.dumps([key_plain(key, now) for key in keys]))
    else:
        print(keys_table(keys, now) if keys else "No key was ever issued; `nexus keys create` issues one.")


@app.command(epilog="Example: nexus keys show ci")
def show(key: Key, as_json: AsJson = False) -> None:
    """All that is known of one key."""
    from ops.key_desk import with_desk

    async def work(desk: "KeyDesk") -> "ClientKey":
        return desk.key(key)

    _tell(with_desk("keys", work), as_json=as_json)


@app.command(epilog="Example: nexus keys rename ci build-farm")
def rename(key: Key, name: Annotated[str, typer.Argument(help="The new name.")], as_json: AsJson = False) -> None:
    """Call a key otherwise."""

    def check(desk: "KeyDesk", one: "ClientKey") -> None:
        if name != one.name:
            _refuse_taken(desk, name)

    _change(key, lambda one, who, at: one.rename(name, who=who, at=at), as_json=as_json, check=check)


@app.command(epilog="Example: nexus keys scope ci messages count_tokens batches")
def scope(
    key: Key,
    scopes: Annotated[list[str], typer.Argument(help="All scopes that it shall have, instead of those it has.")],
    as_json: AsJson = False,
) -> None:
    """Say which requests a key may make."""
    _change(key, lambda one, who, at: one.rescope(scopes, who=who, at=at), as_json=as_json)


@app.command(epilog="Example: nexus keys expire ci 2027-01-31")
def expire(
    key: Key,
    when: Annotated[str, typer.Argument(help="90d, 12h, 2027-01-31 (to the day's end, UTC), now or never.")],
    as_json: AsJson = False,
) -> None:
    """Say when a key ends; that may be changed again, also after it has ended."""
    from ops.clock import utc_now
    from ops.moments import moment_in

    ends = moment_in(when, utc_now())
    _change(key, lambda one, who, at: one.change_expiry(ends, who=who, at=at), as_json=as_json)


@app.command(epilog='Example: nexus keys revoke ci --why "laptop lost"')
def revoke(
    key: Key,
    why: Annotated[str, typer.Option(help="Why; kept with the revocation.")] = "",
    as_json: AsJson = False,
) -> None:
    """Refuse a key for ever. This host refuses it at once, also while PostgreSQL is away."""
    from ops.home import prepare
    from ops.key_desk import with_desk
    from ops.settings import load

    home = prepare(load(Path.cwd()).home)
    known = _known_here(home, key)
    stone = _refuse_here(home, known, why) if known is not None else None

    async def work(desk: "KeyDesk") -> "ClientKey":
        if known is not None and desk.key(known.key_id).revoked_at is not None:
            return desk.key(known.key_id)  # a running shipper saw the tombstone and was quicker
        return await _revoke(desk, home, known.key_id if known else key, why)

    try:
        revoked = with_desk("keys", work)
    except NexusError as error:
        if known is None or stone is None:
            raise
        if as_json:
            print(json.dumps({"key_id": known.key_id, "refused_here": True, "stored": False}))
        _note(f"Key {known.key_id} ({known.name}) is refused on this host already.")
        raise RevokedHereError(f"{error} {RevokedHereError.__doc__}") from error
    if as_json:
        print(json.dumps({"key_id": revoked.key_id, "refused_here": True, "stored": True}))
    else:
        print(f"Key {revoked.key_id} ({revoked.name}) is revoked.")


def _known_here(home: "Home", word: str) -> "KeyFacts | None":
    """The key as this host's gateways know it; None: only the store may know it. Raises KeyRevokedError."""
    from domain.client_keys import UnknownKeyError
    from ops.key_desk import known_here
    from ops.key_lookup import meant

    try:
        known = meant(known_here(home), word)
    except UnknownKeyError:
        return None
    _refuse_revoked(known)
    return known


def _refuse_revoked(key: "KeyFacts") -> None:
    from domain.client_keys import KeyRevokedError

    if key.revoked_at is not None:
        raise KeyRevokedError(f"Key {key.key_id} ({key.name}) is revoked already, since {key.revoked_at:%Y-%m-%d}.")


async def _revoke(desk: "KeyDesk", home: "Home", word: str, why: str) -> "ClientKey":
    from credentials.tombstones import Tombstone
    from ops.clock import utc_now
    from ops.db import client_keys
    from ops.key_book import facts_of
    from ops.user_name import user_name

    one = desk.key(word)
    _refuse_revoked(facts_of(one))
    stone = _refuse_here(home, facts_of(one), why) or Tombstone(one.key_id, user_name(), why, utc_now())
    await desk.save(partial(client_keys.revoke, key_id=one.key_id, who=stone.who, why=stone.why, at=stone.at))
    return desk.key(one.key_id)


def _refuse_here(home: "Home", key: "KeyFacts", why: str) -> "Tombstone | None":
    """Drop a tombstone; what stands on it. A full disk (None) is no reason not to tell the store."""
    from credentials import tombstones
    from credentials.private_files import UnfitFileError
    from ops.clock import utc_now
    from ops.user_name import user_name

    stone = tombstones.Tombstone(key.key_id, user_name(), why, utc_now())
    try:
        return tombstones.drop(home.keys / tombstones.FOLDER_NAME, stone)
    except UnfitFileError as error:
        _note(str(error))
        return None


def _change(
    word: str,
    change: "Callable[[ClientKey, str, datetime], None]",
    *,
    as_json: bool,
    check: "Callable[[KeyDesk, ClientKey], None] | None" = None,
) -> None:
    from ops.clock import utc_now
    from ops.db import client_keys
    from ops.key_desk import with_desk
    from ops.user_name import user_name

    who, now = user_name(), utc_now()

    async def work(desk: "KeyDesk") -> "ClientKey":
        one = desk.key(word)
        if check is not None:
            check(desk, one)
        await desk.save(partial(client_keys.change, key_id=one.key_id, word=lambda key: change(key, who, now)))
        return desk.key(one.key_id)

    _tell(with_desk("keys", work), as_json=as_json)


def _refuse_taken(desk: "KeyDesk", name: str) -> None:
    from ops.key_lookup import taken

    other = taken(desk.book.file().snapshot.keys.values(), name)
    if other is not None:
        raise SetupError(f"Key {other.key_id} is called {name!r} already; give another name, or revoke that one first.")


def _tell(key: "ClientKey", *, as_json: bool) -> None:
    from ops.clock import utc_now
    from ops.key_tables import key_plain, key_text

    now = utc_now()
    told: Any = json.dumps(key_plain(key, now)) if as_json else key_text(key, now)
    print(told)


def _how_to_use(key: str) -> str:
    from ops.addresses import address_of
    from ops.client_environment import client_environment, settings_snippet
    from ops.home import Home
    from ops.run_state import read
    from ops.settings import load

    settings = load(Path.cwd())
    running = read(Home(settings.home))
    address = (running and running.gateway) or address_of(settings.gateway_host[0], settings.gateway_port)
    environment = client_environment(address, key)
    return f"\nFor Claude Code, in ~/.claude/settings.json:\n\n{settings_snippet(environment)}\n"


def _random(count: int) -> bytes:
    import secrets

    return secrets.token_bytes(count)


def _note(text: str) -> None:
    print(text, file=sys.stderr)
