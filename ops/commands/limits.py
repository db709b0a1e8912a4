"""``nexus limits …``: how much may a client key, or all keys of an account together, use?"""

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import SetupError

if TYPE_CHECKING:
    from domain.limits import Limits
    from ops.key_desk import KeyDesk

app = typer.Typer(help="Set and list the limits of client keys and accounts.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command("set", epilog="Example: nexus limits set --account acme --requests-per-minute 600 --streams off")
def set_limits(  # noqa: PLR0913, PLR0917  each option is an argument
    key: Annotated[str | None, typer.Option(help="Public id or name of a client key.")] = None,
    account: Annotated[str | None, typer.Option(help="All keys of this account together.")] = None,
    requests_per_minute: Annotated[str | None, typer.Option(help="A number, or off.")] = None,
    streams: Annotated[str | None, typer.Option(help="Answers open at the same time: a number, or off.")] = None,
    tokens_per_hour: Annotated[str | None, typer.Option(help="Input, output and cache tokens, or off.")] = None,
    spend_per_day: Annotated[str | None, typer.Option(help="US dollars of the UTC day, or off.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set the limits that are named; the others stay. Each gateway host counts for itself."""
    words = {
        "requests_per_minute": requests_per_minute,
        "concurrent_streams": streams,
        "tokens_per_hour": tokens_per_hour,
        "spend_per_day": spend_per_day,
    }
    if (key is None) == (account is None):
        raise SetupError("Say whose limits: either --key ID or --account NAME.")
    if not any(word is not None for word in words.values()):
        raise SetupError("Name a limit: --requests-per-minute, --streams, --tokens-per-hour or --spend-per-day.")
    from ops.key_desk import with_desk
    from ops.limit_words import limits_plain, limits_text

    async def work(desk: "KeyDesk") -> tuple[str, "Limits"]:
        return await (_limit_key(desk, key, words) if key is not None else _limit_account(desk, account or "", words))

    name, limits = with_desk("limits", work)
    if as_json:
        print(json.dumps({"of": "account" if key is None else "key", "name": name, "limits": limits_plain(limits)}))
    else:
        print(f"{'Account' if key is None else 'Key'} {name}: {limits_text(limits)}.")


@app.command("list", epilog="Example: nexus limits list --json")
def list_limits(as_json: AsJson = False) -> None:
    """Every limit that is set."""
    from ops.key_desk import with_desk
    from ops.key_tables import limits_table
    from ops.limit_words import limits_plain

    async def work(desk: "KeyDesk") -> tuple[list[Any], dict[str, "Limits"]]:
        keys = [key for key in desk.book.keys.values() if key.limits.any and key.revoked_at is None]
        return keys, dict(desk.book.file().snapshot.account_limits)

    keys, accounts = with_desk("limits", work)
    if as_json:
        found = [{"of": "account", "name": name, "limits": limits_plain(one)} for name, one in accounts.items()]
        found += [{"of": "key", "name": key.key_id, "limits": limits_plain(key.limits)} for key in keys]
        print(json.dumps(found))
    else:
        print(limits_table(keys, accounts) if keys or accounts else "Nothing is limited.")


async def _limit_key(desk: "KeyDesk", word: str, words: dict[str, str | None]) -> tuple[str, "Limits"]:
    from domain.client_keys import ClientKey
    from ops.clock import utc_now
    from ops.db import client_keys
    from ops.limit_words import changed
    from ops.user_name import user_name

    who, now, key_id = user_name(), utc_now(), desk.key(word).key_id

    def change(key: ClientKey) -> None:
        key.limit(changed(key.limits, words), who=who, at=now)

    await desk.save(partial(client_keys.change, key_id=key_id, word=change))
    key = desk.book.keys[key_id]
    return f"{key_id} ({key.name})", key.limits


async def _limit_account(desk: "KeyDesk", account: str, words: dict[str, str | None]) -> tuple[str, "Limits"]:
    from ops.clock import utc_now
    from ops.db import client_keys
    from ops.limit_words import changed
    from ops.user_name import user_name

    who, now = user_name(), utc_now()
    await desk.save(
        lambda url: client_keys.limit_account(url, account, lambda limits: changed(limits, words), who=who, at=now)
    )
    return account, desk.book.accounts[account].limits
