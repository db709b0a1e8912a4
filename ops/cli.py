"""Which commands are there? ``nexus …``: names and arguments, nothing else; each loads its code when it is called.

Every NexusError ends as one line on standard error and an exit code: 1 a failure, 2 something to set up or to type
differently. Anything else is a mistake of ours and shows where it is.
"""

import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from domain.errors import NexusError, SetupError

FAILURE_EXIT, SETUP_EXIT, INTERRUPTED_EXIT, TERMINATED_EXIT = 1, 2, 130, 143

SUB_COMMANDS = (
    ("events", "ops.commands.events", "Show and replay what was recorded."),
    ("export", "ops.commands.export", "Write a conversation or a list into a file."),
    ("store", "ops.commands.store", "Say what the store takes up, check that nobody changed it, ship again."),
    ("projections", "ops.commands.projections", "Build, compare, switch and verify the read models."),
    ("keys", "ops.commands.keys", "Issue, change and revoke the keys that clients sign in to the gateway with."),
    ("people", "ops.commands.people", "Say who may look at the dashboard, and at what of it."),
    ("limits", "ops.commands.limits", "Say how much a client key or an account may use."),
    ("prices", "ops.commands.prices", "List, set, import and compare the prices that tokens are reckoned with."),
    ("accounts", "ops.commands.accounts", "Say how accounts pay: by the token or by a subscription."),
    ("projects", "ops.commands.projects", "List projects, and give them labels."),
    ("links", "ops.commands.links", "Show links with their evidence, correct them."),
    ("credentials", "ops.commands.credentials", "Add, log in, check and remove what signs requests upstream."),
    ("demo", "ops.demo.command", "Play believable sessions, without a key and without a network."),
    ("torture", "ops.torture.command", "Plant faults in a Nexus of its own, and check that nothing was lost."),
)
"""Commands with arguments of their own: name, the module whose ``app`` it is, what it does. No module, no command."""

app = typer.Typer(
    name="nexus",
    help="Nexus: an event-sourced observability gateway for Claude Code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]


@app.command(epilog="Example: NEXUS_GATEWAY_PORT=4000 nexus up --workers 2")
def up(
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes of the gateway; NEXUS_GATEWAY_WORKERS if not given.")
    ] = None,
    json_ready: Annotated[bool, typer.Option("--json-ready", help="When ready, print one JSON line, no text.")] = False,
) -> None:
    """Start everything; Ctrl-C stops it."""
    from ops.commands import up as command

    raise typer.Exit(command.run(json_ready=json_ready, workers=workers))


@app.command(add_help_option=False, epilog='Example: nexus claude -p "What does this repository do?"')
def claude(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="All go to Claude Code, but --print-env [json].")
    ] = None,
) -> None:
    """Run Claude Code through the gateway, or print the environment that does it (--print-env [json])."""
    from ops.commands import claude as command

    command.run(arguments or [])


@app.command(
    epilog="Examples:  nexus status  |  nexus status --json | jq .numbers.ship_seconds  |  nexus status || nexus doctor"
)
def status(as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False) -> None:
    """Say what runs, whether it records, how far it is behind; exit code 0: all well, 1: not all, 3: nothing runs."""
    from ops.commands import status as command

    raise typer.Exit(command.run(as_json=as_json))


@app.command(
    epilog="Examples:  nexus usage  |  nexus usage --by project --by model --since 2026-11-01  |  "
    "nexus usage --where conversation=ID --by class  |  nexus usage --what-if ttl=5m --csv > usage.csv"
)
def usage(  # noqa: PLR0913 - each is an option
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(help="What to tell apart, several times: minute, hour, day, month, model, project, user, …"),
    ] = None,
    where: Annotated[list[str] | None, typer.Option(metavar="WHAT=VALUE", help="Only these, several times.")] = None,
    since: Annotated[str | None, typer.Option(help="A day or a moment; without it: seven days before the end.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this; without it: now.")] = None,
    tz: Annotated[str | None, typer.Option(help="Whose days these are; without it: this machine's zone.")] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=VALUE", help="as_model=NAME, ttl=5m, ttl=1h, cache=none, prices=shipped, on=DAY."),
    ] = None,
    limit: Annotated[int, typer.Option(help="So many groups; the rest is one line.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For a script: as GET /api/usage.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
) -> None:
    """Say what was used and what it cost: the last seven days, day by day."""
    from ops.commands import usage as command

    times = {"since": since, "until": until, "tz": tz, "limit": str(limit)}
    command.run(
        by or [], [*(where or []), *(what_if or [])], times, form="json" if as_json else "csv" if as_csv else "table"
    )


@app.command(
    epilog="Examples:  nexus search connection reset  |  nexus search '\"exit code 1\"' --kind tool_result --tool Bash"
    "  |  nexus search 'compil*' --project web --json | jq '.items[].request_id'"
)
def search(  # noqa: PLR0913 - each is an option
    words: Annotated[list[str], typer.Argument(help='Words, "a phrase", begin*, -without, this OR that.')],
    *,
    kind: Annotated[str | None, typer.Option(help="prompt, answer, thinking, tool_input or tool_result.")] = None,
    tool: Annotated[str | None, typer.Option(help="Name of a tool: what it was given, and what it gave.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only results of tools that failed.")] = False,
    since: Annotated[str | None, typer.Option(help="A day or a moment.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this.")] = None,
    model: Annotated[str | None, typer.Option()] = None,
    project: Annotated[str | None, typer.Option()] = None,
    account: Annotated[str | None, typer.Option()] = None,
    session: Annotated[str | None, typer.Option()] = None,
    conversation: Annotated[str | None, typer.Option(help="Id of any of its requests.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first, not the best.")] = False,
    limit: Annotated[int, typer.Option(help="So many places at once.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on behind the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script: as GET /api/search.")] = False,
) -> None:
    """Find where something was said, in everything that was sent and answered."""
    from ops.commands import search as command

    filters = {
        "kind": kind, "tool": tool, "error": "yes" if failed else None, "since": since, "until": until, "model": model,
        "project": project, "account": account, "session": session, "conversation": conversation,
        "order": "newest" if newest else None, "limit": str(limit), "cursor": cursor,
    }  # fmt: skip
    command.run(words, filters, as_json=as_json, colour=sys.stdout.isatty())


@app.command(epilog="Examples:  nexus compare ID ID  |  nexus compare ID ID --of branches --json | jq .work_a.tools")
def compare(
    a: Annotated[str, typer.Argument(metavar="ID", help="A request, any request of a branch, or a compaction.")],
    b: Annotated[str | None, typer.Argument(metavar="ID", help="The other one; a compaction needs none.")] = None,
    of: Annotated[str | None, typer.Option(help="requests or branches; without it: as the ids are.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script: as GET /api/compare.")] = False,
) -> None:
    """Say what is different between two requests, or two branches; or what a compaction replaced."""
    from ops.commands import compare as command

    command.run(a, b, of, as_json=as_json)


@app.command(epilog="Examples:  nexus windows  |  nexus windows --account acme --json | jq '.accounts[].windows'")
def windows(
    account: Annotated[str | None, typer.Option(help="Only this account; its scope, where it has none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Say how full the 5-hour and weekly windows of accounts are, and when they will be full."""
    from ops.commands import windows as command

    command.run(account, as_json=as_json)


@app.command(epilog="Examples:  nexus audit --since 7d  |  nexus audit --who ada --act revealed --csv > audit.csv")
def audit(  # noqa: PLR0913 - each is an option
    *,
    who: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    act: Annotated[
        str | None, typer.Option(help="Only this: logged-in, revealed, read-body, exported, added, …")
    ] = None,
    about: Annotated[str | None, typer.Option(help="Only about this request, conversation or person.")] = None,
    since: Annotated[str | None, typer.Option(help="Only then or later: 2h, 7d, 2027-01-31.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
) -> None:
    """Say who logged in, who saw what without redaction, and who changed who may look."""
    from ops.commands import audit as command

    wanted = {"who": who, "act": act, "about": about, "since": since}
    command.run(wanted, limit, form="json" if as_json else "csv" if as_csv else "table")


@app.command(
    epilog="Examples:  nexus doctor  |  nexus doctor upstream store  |  nexus doctor --json | jq '.[].finding'"
)
def doctor(
    subjects: Annotated[list[str] | None, typer.Argument(help="Only checks of these subjects; none: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Say what is wrong and how to mend it, changing nothing; exit code 0: no problem, 1: problems, 2: a wrong word."""
    from ops.commands import doctor as command

    raise typer.Exit(command.run(subjects or [], as_json=as_json))


@app.command(epilog="Examples:  nexus verify  |  nexus verify --since 2h --json | jq .violations")
def verify(
    recordings: Annotated[
        Path | None, typer.Option(help="What clients and upstream recorded; a folder of `nexus torture`.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only what began then or later: 2h, 7d, 2027-01-31.")] = None,
    excuse: Annotated[
        list[str] | None,
        typer.Option(help="Why recorded clients may have failed: gateway_killed, refused. Again for both."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Check that nothing is lost: the promises I1 to I8 over journals and event store; also while Nexus runs.

    Exit code 0: all are kept, 1: some are not, each with a line of its own, 2: something to set up.
    """
    from ops.commands import verify as command

    command.run(recordings, since, excuse or (), as_json=as_json)


@app.command(epilog="Example: nexus restart --json")
def restart(as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False) -> None:
    """Replace the gateway of the running `nexus up` by a new one, without a failed request.

    Worker by worker: the new one is started, and when it serves, the old one ends what it has begun. Exit code 0: all
    are new, 1: a new one did not get ready and the old one serves on, 2: something to set up, 3: nothing runs.
    """
    from ops.commands import restart as command

    raise typer.Exit(command.run(as_json=as_json))


@app.command(epilog="Example: DATABASE_URL=postgresql://nexus@db/nexus nexus migrate")
def migrate(supervised: Supervised = False) -> None:
    """Bring the database up to date."""
    if supervised:
        _run_part("migrate", supervised=True)
        return
    from ops.commands import migrate as command

    command.run()


@app.command(epilog="Example: NEXUS_GATEWAY_HOST=0.0.0.0 nexus gateway")
def gateway(
    supervised: Supervised = False,
    socket: Annotated[list[int] | None, typer.Option("--socket", hidden=True)] = None,
    name: Annotated[str, typer.Option("--name", hidden=True)] = "gateway",
) -> None:
    """Run only the gateway."""
    from ops.commands import run_part

    run_part.run("gateway", supervised=supervised, sockets=socket or (), name=name)


@app.command(epilog="Example: DATABASE_URL=postgresql://nexus@db/nexus nexus shipper")
def shipper(supervised: Supervised = False) -> None:
    """Run only the shipper: journals into the event store."""
    _run_part("shipper", supervised=supervised)


@app.command(epilog="Example: DATABASE_URL=postgresql://nexus@db/nexus nexus projector")
def projector(supervised: Supervised = False) -> None:
    """Run only the projector: events into read models."""
    _run_part("projector", supervised=supervised)


@app.command(epilog="Example: DATABASE_URL=postgresql://nexus@db/nexus nexus dashboard")
def dashboard(supervised: Supervised = False) -> None:
    """Run only the dashboard and its API."""
    _run_part("dashboard", supervised=supervised)


@app.command(hidden=True)
def postgres(supervised: Supervised = False) -> None:
    """Run only the embedded database."""
    _run_part("postgres", supervised=supervised)


@app.command(hidden=True)
def panel(supervised: Supervised = False) -> None:
    """Run only the Panel worker that stands behind the dashboard's front."""
    _run_part("panel", supervised=supervised)


@app.command(epilog="Example: nexus version")
def version() -> None:
    """Say which Nexus this is."""
    from ops.commands import version as command

    command.run()


def main(arguments: list[str] | None = None) -> NoReturn:
    """The command line; ends the process."""
    words = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _end_in_order)
    try:
        _run(words)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT)
    except (NexusError, ExceptionGroup) as error:
        known = known_error(error)
        if known is None or _wants_traceback():
            raise
        sys.stderr.write(f"nexus: {known}\n")
        sys.exit(SETUP_EXIT if isinstance(known, SetupError) else FAILURE_EXIT)
    sys.exit(0)


def known_error(error: Exception) -> NexusError | None:
    """The NexusError in it, if there is nothing else: what fails in a TaskGroup comes wrapped."""
    match error:
        case NexusError():
            return error
        case ExceptionGroup():
            leaves = [known_error(leaf) for leaf in error.exceptions]
            return leaves[0] if all(leaves) else None
    return None


def _run(words: list[str]) -> None:
    if words[:1] == ["claude"]:
        claude(words[1:])  # not by way of typer, which would take a "--" out of Claude Code's arguments
        return
    for name, module, meaning in SUB_COMMANDS:
        if is_there(module):
            _add_sub_command(name, module, meaning, is_called=words[:1] == [name])
    typer.main.get_command(app)(args=words, prog_name="nexus")


def is_there(module: str) -> bool:
    """Whether it could be imported. The folder of the demo, for one, may have been deleted."""
    package, _, _ = module.rpartition(".")
    return bool(find_spec(package) and find_spec(module))


def _add_sub_command(name: str, module: str, meaning: str, *, is_called: bool) -> None:
    """The command itself if it is called; else only its line for the help, without loading it."""
    if is_called:
        app.add_typer(import_module(module).app, name=name)
    else:
        app.command(name, help=meaning)(lambda: None)


def _run_part(part: str, *, supervised: bool) -> None:
    from ops.commands import run_part

    run_part.run(part, supervised=supervised)


def _end_in_order(_number: int, _frame: object) -> NoReturn:
    """On SIGTERM: leave every ``with`` properly, an embedded database started for a command among them."""
    sys.exit(TERMINATED_EXIT)


def _wants_traceback() -> bool:
    from ops.settings import debug_is_on

    return debug_is_on()


if __name__ == "__main__":
    main()
