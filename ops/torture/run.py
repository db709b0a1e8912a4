"""How does a run go? Set up, load, faults by the schedule, calm, stop, check: the whole of ``nexus torture``."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.journal_reader import journals_in
from ops.checking.checker import Checked, Place, check
from ops.checking.violations import Violation
from ops.progress import Report
from ops.torture.disk import can_mount
from ops.torture.faults import Heal, Scene, plant
from ops.torture.load import loading
from ops.torture.outcome import Outcome
from ops.torture.product import until_well
from ops.torture.rebuilding import difference_to_rebuild
from ops.torture.rig import Rig, rigged
from ops.torture.schedule import Fault, Plant
from ops.torture.settling import gateway_rss, settled
from ops.torture.shim import compiler
from ops.torture.verdict import RECOVERY_S, Known, judge

Say = Callable[[str], None]
"""To the person who waits: what is done now, a line each."""
SETTLE_S = 120.0
_TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    rig: Rig
    plants: Sequence[Plant]
    lasts_s: float
    streams: int
    repeat: str
    """The command that does it again."""
    rebuilds: bool = True
    """Compare the read models with a rebuild at the end."""
    recovery_s: float = RECOVERY_S
    """So long at most may a killed gateway be away."""
    without: Mapping[Fault, str] = field(default_factory=dict)
    """What this machine cannot do, and why."""


def impossible(rig: Rig, faults: Iterable[Fault]) -> Mapping[Fault, str]:
    """Which of the faults this machine cannot do, each with a word on it."""
    can = {
        Fault.DISK_FULL: bool(rig.disk_mb) and can_mount(),
        Fault.CLOCK: compiler() is not None,
        Fault.DISK_SLOW: compiler() is not None,
    }
    return {fault: f"{fault} ({_NEEDS[fault]})" for fault in faults if not can.get(fault, True)}


_NEEDS = {
    Fault.DISK_FULL: "it needs root on Linux",
    Fault.CLOCK: "it needs a C compiler on Linux",
    Fault.DISK_SLOW: "it needs a C compiler on Linux",
}


def unsaid(_line: str) -> None:
    return


async def run_until(plan: Plan, report: Report, say: Say, signals: Sequence[signal.Signals]) -> Outcome | None:
    """``run``, ended in order by a signal: then None, and nothing is left behind. Raises NexusError."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in signals:
        loop.add_signal_handler(number, asked.set)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(plan, report, say))
        waiting = tasks.create_task(asked.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        running.cancel()
    return None if running.cancelled() else running.result()


async def run(plan: Plan, report: Report, say: Say = unsaid) -> Outcome:
    """The whole run. Raises NexusError if it cannot be set up."""
    say("setting up")
    async with rigged(plan.rig) as scene:
        before = gateway_rss(scene.product.home)
        say(f"under load for {plan.lasts_s:g} s")
        async with loading(scene.load, plan.streams):
            await torment(scene, plan.plants, plan.lasts_s, report)
        say("calm: waiting until everything is shipped and in the read models")
        await until_well(scene.product)
        settled_s = await settled(scene.product.home, SETTLE_S)
        after = gateway_rss(scene.product.home)
        code = await scene.product.stop()
        left = len(journals_in(scene.product.home.journals))
        say("checking: the read models against two rebuilds")
        rebuilt = await _rebuilt(scene, plan.rig.home) if plan.rebuilds else ""
        say("checking: journals, store and what clients received against each other")
        checked = await check(place_of(scene, plan.rig.recordings))
        return _outcome(scene, plan, checked, Measured(before, after, settled_s, code, left, rebuilt))


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of a run."""

    rss_before: int | None
    rss_after: int | None
    settled_s: float | None
    exit_code: int
    unshipped: int
    rebuilt: str = ""
    """What a rebuild of the read models says otherwise."""


async def torment(scene: Scene, plants: Sequence[Plant], lasts_s: float, report: Report) -> None:
    """Plant and heal by the schedule; what is planted is healed, come what may."""
    begun = time.monotonic()

    async def until(at_s: float) -> None:
        while (now := time.monotonic() - begun) < at_s:
            report(int(now), int(lasts_s))
            await asyncio.sleep(min(_TICK_S, at_s - now))

    for one in plants:
        await until(one.at_s)
        async with healed(await plant(scene, one)):
            await until(one.at_s + one.lasts_s)
    await until(lasts_s)


@asynccontextmanager
async def healed(heal: Heal) -> AsyncIterator[None]:
    """At the end of the ``with`` it is healed."""
    try:
        yield
    finally:
        await heal()


def violations_of(checked: Checked) -> list[Violation]:
    """Without what clients met (I8): ``verdict`` knows when the gateway was killed, the checker does not."""
    return [one for one in checked.violations if one.invariant != "I8"]


async def _rebuilt(scene: Scene, home: Path) -> str:
    return await difference_to_rebuild({**scene.environment, "DATABASE_URL": scene.database.direct}, home)


def place_of(scene: Scene, recordings: Path) -> Place:
    """Where the checker looks."""
    return Place(
        journals=scene.product.home.journals,
        database=scene.database.direct,
        recordings=recordings,
        only_host=True,
    )


def _outcome(scene: Scene, plan: Plan, checked: Checked, measured: Measured) -> Outcome:
    found = judge(scene.load.seen, Known(scene.kills_ns, frozenset(scene.stand_in.cut)))
    known = measured.rss_before is not None and measured.rss_after is not None
    violations = [f"{one.invariant} {one.request_id}: {one.detail}" for one in violations_of(checked)]
    if measured.rebuilt:
        violations.append(f"I6: the read models differ from a rebuild: {measured.rebuilt}")
    growth = (measured.rss_after or 0) - (measured.rss_before or 0) if known else None
    return Outcome(
        repeat=plan.repeat,
        left_out=list(plan.without.values()),
        planted=plan.plants,
        requests=len(scene.load.seen),
        byte_count=scene.load.byte_count,
        causes=found.causes,
        failures=found.failures,
        recoveries_s=found.recoveries_s,
        recovery_limit_s=plan.recovery_s,
        rss_growth=growth,
        settled_s=measured.settled_s,
        exit_code=measured.exit_code,
        unshipped=measured.unshipped,
        checked=", ".join(f"{count} {name}" for name, count in checked.counts.as_dict().items() if count),
        violations=violations,
    )
