"""Stand-ins for the parts of Nexus, and a supervisor over them, as real processes.

    python tests/stand_ins.py part NAME BEHAVIOUR DIARY
    python tests/stand_ins.py supervisor HOME DIARY PLAN     PLAN: JSON, name → [behaviour, outlives …]

Everybody writes a line into the diary, a file that is only appended to: who, what, process id.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ops.console import Console
from ops.home import prepare
from ops.lifetime import Lifetime, live, take_over_stdout
from ops.processes import Launch
from ops.reports import Reporter
from ops.settings import inherited
from ops.supervision_types import Part
from ops.supervisor import Supervisor


def write(diary: str, *words: object) -> None:
    line = " ".join(str(word) for word in words) + "\n"
    descriptor = os.open(diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def part(name: str, behaviour: str, diary: str) -> None:
    write(diary, name, "began", os.getpid())
    match behaviour:
        case "refuses":
            sys.stderr.write("nexus: Set NEXUS_SOMETHING to another value.\n")
            sys.exit(2)
        case "crashes":
            sys.exit(1)
        case "once" if Path(diary).read_text().count(f"{name} began") > 1:
            sys.stderr.write("nexus: Once is enough.\n")
            sys.exit(1)
        case "deaf":
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
        case "parent":
            child = subprocess.Popen(["sleep", "600"])
            write(diary, f"{name}-child", "began", child.pid)
    reporter = Reporter(take_over_stdout())

    grace_s = 0.5 if behaviour == "stubborn" else 30.0
    asyncio.run(live(lambda it: serve(it, name, behaviour, diary), reporter, supervised=True, grace_s=grace_s))
    write(diary, name, "ended", os.getpid())


async def serve(lifetime: Lifetime, name: str, behaviour: str, diary: str) -> None:
    lifetime.ready(f"http://{name}")
    if behaviour == "deaf":
        await asyncio.Event().wait()
    told = {asyncio.ensure_future(event.wait()) for event in (lifetime.stop, lifetime.retire)}
    await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
    write(diary, name, "retires" if lifetime.retire.is_set() else "stops", os.getpid())
    if behaviour == "lingers":
        await lifetime.stop.wait()
    if behaviour == "stubborn":
        await lifetime.abort.wait()
        write(diary, name, "aborts", os.getpid())


def supervisor(home: str, diary: str, plan: str) -> None:
    wanted: dict[str, list[str]] = json.loads(plan)
    prepared = prepare(Path(home))

    def launch(name: str, _said: object) -> Launch:
        argv = [sys.executable, "-P", __file__, "part", name, wanted[name][0], diary]
        if wanted[name][0] == "missing":
            argv = [str(Path(home) / "no-such-program")]
        return Launch(argv, inherited({}), prepared.logs / f"{name}.log")

    parts = [
        Part(name, outlives=frozenset(rest), drain_s=20.0, rolls=name.startswith("gateway"))
        for name, (_, *rest) in wanted.items()
    ]
    console = Console(time.monotonic)
    watched = Supervisor(
        prepared,
        parts,
        launch,
        on_ready=lambda said: print(json.dumps(sorted(said)), flush=True),
        console=console,
        on_stop=lambda: write(diary, "supervisor", "closes", os.getpid()),
    )
    sys.exit(asyncio.run(watched.run()))


if __name__ == "__main__":
    {"part": part, "supervisor": supervisor}[sys.argv[1]](*sys.argv[2:])
