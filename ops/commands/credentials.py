"""``nexus credentials …``: what signs requests upstream? Added, logged in, looked at, removed; no secret is printed."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import SetupError

if TYPE_CHECKING:
    from ops.credential_desk import CredentialDesk

app = typer.Typer(help="Upstream credentials: what Nexus signs a tenant's requests with.", no_args_is_help=True)
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="Client domain that the credential is for.")]
SomeDomain = Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="One client domain; all, if not given.")]
Account = Annotated[str | None, typer.Option(help="The only account that may use it; kept, if not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command(epilog="Example: nexus credentials add team-a.example --api-key-stdin < key.txt")
def add(
    domain: Domain,
    api_key_stdin: Annotated[
        bool, typer.Option("--api-key-stdin", help="Read an API key from standard input.")
    ] = False,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="A JSON file with `type` and `api_key` or `oauth`.")
    ] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Keep an API key, or a credential out of a file, for a client domain."""
    from credentials.credential import ApiKeyCredential, CredentialContentError, decoded, encoded
    from ops.credential_desk import read_foreign

    if api_key_stdin == (from_file is not None):
        raise SetupError("Say where it is: either --api-key-stdin or --from FILE.")
    desk = _desk()
    desk.check_name(domain)
    try:
        if from_file is not None:
            credential = decoded(read_foreign(from_file))
        else:
            credential = decoded(encoded(ApiKeyCredential(_hidden("API key: "))))
    except CredentialContentError as error:
        raise SetupError(f"This is no credential: {error}.") from None
    _say_put(domain, was_there=desk.put(domain, credential, account), as_json=as_json)


@app.command(epilog="Example: nexus credentials login team-a.example --account team-a")
def login(
    domain: Domain,
    account: Account = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    as_json: AsJson = False,
) -> None:
    """Log in with a Claude account: open the address, allow the access, paste the code here (or on standard input)."""
    import secrets

    from credentials.oauth import authorize_url, new_attempt, pasted_code
    from ops.browser import open_browser

    desk = _desk()
    desk.check_name(domain)
    attempt = new_attempt(secrets.token_bytes)
    url = authorize_url(desk.server.settings, attempt)
    _tell(f"Open this address, log in and allow the access:\n\n{url}\n")
    if not no_browser and sys.stdin.isatty():
        open_browser(url)
    code = pasted_code(_hidden("Paste the code that the last page shows: "), attempt)
    _tell("Asking for the tokens (15 s at most) …")
    credential = asyncio.run(desk.redeemed(attempt, code))
    _say_put(domain, was_there=desk.put(domain, credential, account), as_json=as_json)


@app.command("list", epilog="Example: nexus credentials list --json")
def list_credentials(as_json: AsJson = False) -> None:
    """Every credential: type, account, state, and a fingerprint by which equal ones are known."""
    from ops.text_table import text_table

    desk = _desk()
    rows = desk.rows(desk.looked(None))
    if as_json:
        print(json.dumps(rows))
    elif rows:
        print(text_table(list(rows[0]), [[str(cell or "-") for cell in row.values()] for row in rows]))
    else:
        print("There is no credential. `nexus credentials add` or `nexus credentials login` makes one.")


@app.command(epilog="Example: nexus credentials check --online")
def check(
    domain: SomeDomain = None,
    online: Annotated[bool, typer.Option("--online", help="Ask upstream too; refreshes what has expired.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is the matter with each credential and how to mend it; exit code 1: something is."""
    desk = _desk()
    looked = desk.looked(domain)
    if online:
        looked = asyncio.run(desk.tried(looked, _tell))
    found = desk.findings(looked, is_whole=domain is None)
    if as_json:
        plain = [
            {"domain": one.domain, "state": one.state, "well": one.is_well, "message": one.message} for one in found
        ]
        print(json.dumps(plain))
    else:
        for one in found:
            print(f"{'ok ' if one.is_well else 'BAD'}  {one.domain}  {one.state.replace('_', ' ')}: {one.message}")
        if not found:
            print("There is no credential. `nexus credentials add` or `nexus credentials login` makes one.")
    if not all(one.is_well for one in found):
        raise typer.Exit(1)


@app.command(epilog="Example: nexus credentials refresh team-a.example")
def refresh(domain: SomeDomain = None, as_json: AsJson = False) -> None:
    """Fetch new OAuth tokens now; exit code 1: for some it failed."""
    desk = _desk()
    done = asyncio.run(desk.refreshed(domain, _tell))
    if as_json:
        print(json.dumps([{"domain": name, "refreshed": not why, "why": why or None} for name, why in done.items()]))
    else:
        for name, why in done.items():
            print(f"{name}: {why or 'refreshed.'}")
        if not done:
            print("There is no OAuth credential to refresh.")
    if any(done.values()):
        raise typer.Exit(1)


@app.command(epilog="Example: nexus credentials remove team-a.example")
def remove(domain: Domain, as_json: AsJson = False) -> None:
    """Remove a credential; every gateway of this home stops using it within a second."""
    desk = _desk()
    desk.check_name(domain)
    with desk.store.locked(domain):
        if not desk.store.remove(domain):
            raise SetupError(f"There is no credential of {domain}; `nexus credentials list` shows them.")
    print(json.dumps({"domain": domain, "removed": True}) if as_json else f"{domain}: removed.")


@app.command("import", epilog="Example: nexus credentials import ~/claude-nexus-proxy/credentials")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="Folder with <domain>.credentials.json files of the original system.")],
    replace: Annotated[bool, typer.Option("--replace", help="Also where there is one of that domain already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over the credentials of the original system; exit code 1: some could not be."""
    done = _desk().imported(folder, replace=replace)
    if as_json:
        print(json.dumps([{"file": one.file, "domain": one.domain, "notes": list(one.notes)} for one in done]))
    else:
        for one in done:
            print(f"{one.file}: {f'taken over as {one.domain}' if one.domain else 'NOT taken over'}")
            for note in one.notes:
                print(f"  {note}")
        if not done:
            print(f"There is no credential file in {folder}.")
    if not all(one.domain for one in done):
        raise typer.Exit(1)


def _desk() -> "CredentialDesk":
    from ops.credential_desk import opened_desk

    return opened_desk()


def _say_put(domain: str, *, was_there: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"domain": domain, "replaced": was_there}))
    else:
        print(f"{domain}: {'replaced' if was_there else 'kept'}, sealed. Gateways of this home use it within a second.")


def _hidden(prompt: str) -> str:
    """A line that is not shown, from the terminal or from standard input."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(prompt, stream=sys.stderr)
    return sys.stdin.readline(_MAX_LINE).strip()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_MAX_LINE = 16 * 1024
