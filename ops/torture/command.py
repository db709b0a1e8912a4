"""``nexus torture``: which options are there? Loads nothing else, so that ``nexus --help`` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, subcommand_metavar="")
ALL = "kill,stop,postgres,proxy,disk,upstream,client,clock"


@app.callback(
    invoke_without_command=True,
    epilog="Examples:  nexus torture --minutes 60 --seed 7  |  nexus torture --faults kill,disk --json",
)
def torture(
    *,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long faults are planted.")] = 2.0,
    faults: Annotated[str, typer.Option(help="Kinds of faults, comma-separated.")] = ALL,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same schedule; default: a new one.")] = None,
    streams: Annotated[int, typer.Option(min=1, max=500, help="Clients that ask at once.")] = 50,
    home: Annotated[Path | None, typer.Option(help="Empty folder to work in, kept; default: a temporary one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Plant faults in a Nexus of its own under load, and check that nothing was lost; your own Nexus is not touched.

    Exit code 0: nothing was lost, 1: violations, 2: it cannot be set up.
    """
    from ops.torture import show

    options = show.Options(minutes=minutes, faults=faults, seed=seed, streams=streams, home=home, as_json=as_json)
    raise typer.Exit(show.run(options))
