"""How does ``nexus torture`` go for the person before the screen? Folder, schedule, progress, report, exit code."""

import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError
from ops.progress import progress_bar
from ops.torture.outcome import json_text, text
from ops.torture.rig import Rig
from ops.torture.run import Plan, Say, impossible, run_until
from ops.torture.schedule import KINDS, chosen, schedule

VIOLATIONS_EXIT, INTERRUPTED_EXIT = 1, 130
DISK_MB = 512
"""A journal's segment of 64 MB is freed as a whole: on a disk of its size it would fill up for good."""
_SEEDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed."""

    minutes: float
    faults: str
    seed: int | None
    streams: int
    home: Path | None
    as_json: bool


def run(options: Options) -> int:
    """0: clean, 1: violations. Raises NexusError if it cannot be set up."""
    faults = chosen(options.faults)
    seed = secrets.randbelow(_SEEDS) if options.seed is None else options.seed
    with folder_of(options.home) as folder:
        plan = planned(options, faults, seed, folder)
        say(f"nexus torture: seed {seed}, {len(plan.plants)} faults in {options.minutes:g} min; work in {folder}")
        for line in (*(f"left out: {word}" for word in plan.without.values()), *map(str, plan.plants)):
            say(line)
        with progress_bar("torturing") as report:
            outcome = asyncio.run(run_until(plan, report, timed(say), (signal.SIGTERM, signal.SIGINT)))
    if outcome is None:
        say("nexus torture: interrupted; everything was stopped, nothing is left behind")
        return INTERRUPTED_EXIT
    print(json_text(outcome) if options.as_json else text(outcome))  # noqa: T201 - the command's output
    return 0 if outcome.ok else VIOLATIONS_EXIT


def planned(options: Options, faults: tuple[str, ...], seed: int, folder: Path) -> Plan:
    """The schedule, without what this machine cannot do."""
    rig = Rig(folder, seed, disk_mb=DISK_MB if "disk" in faults else 0, shim=bool({"disk", "clock"} & set(faults)))
    without = impossible(rig, sorted({kind.fault for fault in faults for kind in KINDS[fault]}))
    repeat = (
        f"nexus torture --seed {seed} --minutes {options.minutes:g} --faults {','.join(faults)} "
        f"--streams {options.streams}"
    )
    lasts_s = options.minutes * 60
    return Plan(rig, schedule(seed, faults, lasts_s, tuple(without)), lasts_s, options.streams, repeat, without=without)


def timed(out: Say) -> Say:
    """With the seconds since now before each line."""
    begun = time.monotonic()
    return lambda line: out(f"{time.monotonic() - begun:5.0f} s  {line}")


def say(line: str) -> None:
    """To the person; standard output is the report's."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the command's output


@contextmanager
def folder_of(home: Path | None) -> Iterator[Path]:
    """Where everything lies: a given empty folder, kept, or a temporary one. Raises SetupError."""
    if home is None:
        made = Path(tempfile.mkdtemp(prefix="nexus-torture-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    home = home.expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise SetupError(f"{home} is not empty. Give --home an empty or a new folder.")
    except OSError as error:
        raise SetupError(f"{home} cannot be used ({error.strerror}). Give --home a folder of this user's.") from None
    yield home
