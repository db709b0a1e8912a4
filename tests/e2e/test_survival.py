"""``nexus up`` under faults and load: every part is killed, then everything of the schedule; nothing is lost.

This is ``nexus torture`` itself, from its plan to its report; ``nexus torture --minutes 60`` is the long form.
"""

from pathlib import Path

import pytest

from gateway.journal_reader import journals_in
from ops.home import Home
from ops.torture.outcome import Outcome, text
from ops.torture.rig import Rig
from ops.torture.run import Plan, run
from ops.torture.schedule import BACKEND, KINDS, PARTS, POSTMASTER, Fault, Plant, schedule
from tests.bar import Figure
from tests.requirements import given, scaled
from tests.waiting import DEADLINE_S

KILLS = tuple(Plant(1.0 + 0.8 * n, Fault.KILL, part, 0.0) for n, part in enumerate((*PARTS, BACKEND, POSTMASTER)))
SOAK_S = 45.0
SEED = int(given("NEXUS_SEED") or 79)

AGAIN = f"NEXUS_SEED={SEED}"


def plan_in(folder: Path) -> Plan:
    rig = Rig(folder, SEED, disk_mb=scaled(64, 512))
    if scaled(0, 1):
        return Plan(rig, schedule(SEED, list(KINDS), SOAK_S), SOAK_S, 15, AGAIN, recovery_s=DEADLINE_S)
    return Plan(rig, KILLS, KILLS[-1].at_s + 1.5, 10, AGAIN, recovery_s=DEADLINE_S)


@pytest.mark.bar(23, 79)
async def test_nothing_received_is_missing_after_every_part_was_killed(tmp_path: Path, figure: Figure) -> None:
    plan = plan_in(tmp_path)
    outcome = await run(plan, lambda *_: None)
    assert outcome.ok, text(outcome)
    assert outcome.causes["served"] > plan.streams
    assert journals_in(Home(plan.rig.home).journals) == []
    figure(told(outcome, plan))


def told(outcome: Outcome, plan: Plan) -> str:
    causes = ", ".join(f"{count} {cause}" for cause, count in outcome.causes.items())
    return f"{len(plan.plants)} faults in {plan.lasts_s:.0f} s by `nexus up`, seed {SEED}: {causes}; rebuild equal"
