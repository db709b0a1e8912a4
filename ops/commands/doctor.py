"""``nexus doctor``: what is wrong, and how is it mended? It changes nothing and starts nothing."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from domain.errors import SetupError
from gateway import published
from ops import run_state
from ops.doctor.examining import Outcome, examine
from ops.doctor.findings import Check, Patient, Verdict, problem
from ops.doctor.table import CHECKS
from ops.home import Home
from ops.home_lock import holder_of
from ops.logs import masked
from ops.progress import progress_bar
from ops.settings import inherited, load

PROBLEM_EXIT = 1


def run(subjects: Sequence[str], *, as_json: bool) -> int:
    """Say it; 0: no problem, 1: problems. Raises SetupError for a subject that there is not."""
    chosen = _chosen(subjects)
    try:
        patient = found_patient()
    except SetupError as error:
        broken = Check("machine", "settings", chosen[0].look)
        outcomes = [Outcome(broken, problem(str(error), "Correct it, then ask the doctor again."))]
    else:
        with progress_bar("checking") as report:
            outcomes = asyncio.run(examine(chosen, patient, report))
    print(masked((json_text(outcomes) if as_json else text(outcomes)).encode()).decode())
    return PROBLEM_EXIT if any(one.found.verdict is Verdict.PROBLEM for one in outcomes) else 0


def found_patient() -> Patient:
    """What can be known without touching anything. Raises SetupError for settings that cannot work."""
    settings = load(Path.cwd())
    home = Home(settings.home)
    holder = holder_of(home)
    return Patient(
        settings=settings,
        home=home,
        environment=inherited({}),
        folder=Path.cwd(),
        holder=holder,
        running=run_state.read(home) if holder is not None else None,
        parts=published.read(home.metrics, published.wall_clock()),
    )


def _chosen(subjects: Sequence[str]) -> tuple[Check, ...]:
    known = list(dict.fromkeys(check.subject for check in CHECKS))
    for subject in subjects:
        if subject not in known:
            raise SetupError(f"There is no subject {subject}; there are {', '.join(known)}.")
    return tuple(check for check in CHECKS if not subjects or check.subject in subjects)


def json_text(outcomes: Sequence[Outcome]) -> str:
    return json.dumps(
        [
            {
                "subject": one.check.subject,
                "check": one.check.name,
                "verdict": one.found.verdict,
                "finding": one.found.finding,
                "mend": one.found.mend or None,
            }
            for one in outcomes
        ]
    )


def text(outcomes: Sequence[Outcome]) -> str:
    """One line for a check, a second one where there is something to mend, and the count."""
    lines = []
    for one in outcomes:
        lines.append(f"{one.found.verdict:<8} {one.check.subject:<9} {one.check.name}: {one.found.finding}")
        if one.found.mend:
            lines.append(f"{'':<18} → {one.found.mend}")
    counts = Counter(one.found.verdict for one in outcomes)
    summary = f"{counts[Verdict.OK]} ok, {counts[Verdict.WARNING]} to look at, {counts[Verdict.PROBLEM]} to mend."
    return "\n".join([*lines, "", summary])
