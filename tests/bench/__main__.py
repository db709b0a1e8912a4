"""``python -m tests.bench``: every number that Nexus promises, measured side by side in one interleaved run.

python -m tests.bench                                all rows, three rounds, about ten minutes
python -m tests.bench --rows json,streams --quick    some rows, smaller
python -m tests.bench --json FILE --docs             figures into a file, table and picture into docs/performance.md
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain.errors import NexusError
from ops.clock import utc_now
from tests.bench import machine, plot, report, traffic
from tests.bench.goals import verdicts
from tests.bench.load import LoadError, Work
from tests.bench.programs import build
from tests.bench.report import Run
from tests.bench.rows import ROWS, Bench, Figures
from tests.bench.sizes import FULL, QUICK, TINY, Size
from tests.bench.targets import NEXUS, targets
from tests.source_tree import ROOT

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.svg"
SIZES = {"full": FULL, "quick": QUICK, "tiny": TINY}
_WARM = 300
_WIDTH = 150


@asynccontextmanager
async def bench(size: Size, disk: Path) -> AsyncIterator[Bench]:
    """Everything built, started and warm. ``disk``: where Nexus keeps journals and database."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nexus-bench-", dir=disk)))
        loader, upstream = build("load", folder), build("upstream", folder)
        asked = traffic.make(folder / "traffic", turns=size.turns)
        found = await stack.enter_async_context(targets(upstream, asked.canned, folder))
        ready = Bench(loader, found, asked, size, folder)
        for target in found.by_name.values():
            for scripts in (asked.small, asked.streams):
                await ready.ask(target, Work(scripts, min(_WARM, size.json), 8))
            await target.settled()
        yield ready


async def measure(names: list[str], rounds: int, size: Size, disk: Path, progress: Progress) -> Run:
    """Round after round, row after row."""
    began = time.monotonic()
    remarks = machine.remarks(disk)
    task = progress.add_task("starting", total=rounds * len(names))
    found: dict[str, list[Figures]] = {name: [] for name in names}
    try:
        async with bench(size, disk) as ready:
            progress.console.print(f"Process ids, to profile them: {ready.targets.by_name[NEXUS].parts()}.")
            for round_, name in product(range(rounds), names):
                progress.update(task, description=f"round {round_ + 1}: {name}")
                found[name].append(await ROWS[name](ready, round_))
                progress.advance(task)
            remarks += ready.targets.absent
    except (TimeoutError, AssertionError):
        if len(found[names[-1]]) < rounds:
            raise
        remarks.append("After the last round, Nexus did not stop as it should.")
    when = f"{utc_now():%Y-%m-%d %H:%M} UTC"
    return Run(when, machine.described(disk), str(size), found, remarks, time.monotonic() - began)


def show(run: Run, console: Console) -> None:
    goals = Table(title="Promised numbers", box=box.SIMPLE)
    for head in report.GOAL_HEAD:
        goals.add_column(head)
    for row in report.goal_rows(verdicts(run.rounds)):
        goals.add_row(*row, style="" if row[4] == "met" else "yellow")
    figures = Table(title="Behind them: medians, half the spread of the rounds", box=box.SIMPLE)
    for head in report.FIGURE_HEAD:
        figures.add_column(head)
    for row in report.figure_rows(run.rounds):
        figures.add_row(*row)
    console.print(figures, goals, run.machine, *run.remarks)


def words(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS), help="comma-separated: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", help="the same as --size quick")
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), help="folder on the disk to be measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw goals and figures as an SVG")
    parser.add_argument("--docs", action="store_true", help="write table and picture of docs/performance.md")
    found = parser.parse_args(arguments)
    found.names = found.rows.split(",")
    if found.docs and (found.size, found.rows) != ("full", ",".join(ROWS)):
        parser.error("--docs publishes: it takes all rows in full size, so leave out --rows, --size and --quick")
    strangers = [name for name in found.names if name not in ROWS]
    if strangers:
        parser.error(f"unknown rows: {', '.join(strangers)}; there are {', '.join(ROWS)}")
    return found


def main(arguments: list[str] | None = None) -> int:
    asked = words(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored, by Nexus then too
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # else all that was started stays
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            run = asyncio.run(measure(asked.names, asked.rounds, SIZES[asked.size], asked.disk, progress))
    except KeyboardInterrupt:
        return 130
    except (NexusError, LoadError, ExceptionGroup) as error:
        print(first_of(error), file=sys.stderr)
        return 1
    run = replace(run, size=asked.size)
    show(run, console)
    write(run, asked)
    return 0


def first_of(error: Exception) -> Exception:
    """What began it, inside of however many groups."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def write(run: Run, asked: argparse.Namespace) -> None:
    """Whatever files were asked for."""
    if asked.json:
        asked.json.write_text(json.dumps(report.as_json(run), indent=1))
    for picture in [asked.plot, PICTURE if asked.docs else None]:
        if picture:
            picture.write_text(plot.svg(verdicts(run.rounds)))
    if asked.docs:
        PAGE.write_text(report.into(PAGE.read_text(), report.markdown(run)))


if __name__ == "__main__":
    sys.exit(main())
