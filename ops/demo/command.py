"""``nexus demo``: which options are there? Loads nothing else, so that ``nexus --help`` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, subcommand_metavar="")


@app.callback(invoke_without_command=True, epilog="Example: nexus demo --fast")
def demo(
    *,
    fast: Annotated[bool, typer.Option("--fast", help="Play everything at once instead of at a human pace.")] = False,
    ends: Annotated[bool, typer.Option("--exit", help="Stop everything after the play.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin with nothing: forget what was played before.")] = False,
    home: Annotated[Path | None, typer.Option(help="Folder of the demo's data; default: demo in NEXUS_HOME.")] = None,
    seed: Annotated[str | None, typer.Option(help="The same seed gives the same ids; default: a new one.")] = None,
    json_ready: Annotated[bool, typer.Option("--json-ready", help="When ready, print one JSON line, no text.")] = False,
) -> None:
    """Show Nexus at work: invented sessions through the real gateway, without a key and without a network."""
    from ops.demo import show

    options = show.Options(fast=fast, ends=ends, fresh=fresh, home=home, seed=seed, json_ready=json_ready)
    raise typer.Exit(show.run(options))
