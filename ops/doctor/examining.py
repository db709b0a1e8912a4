"""How is everything checked without anybody waiting for long? All at once, each with a deadline of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import NexusError
from ops.doctor.findings import Check, Finding, Patient, Verdict, warning
from ops.progress import Report

_MEND_THE_DOCTOR = "Run `DEBUG=1 nexus doctor` once more; if it stays, report it with `nexus version`."


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check and what it found."""

    check: Check
    found: Finding


async def examine(checks: Sequence[Check], patient: Patient, report: Report) -> list[Outcome]:
    """In the order of ``checks``. What a check raises is a finding too."""
    done = 0

    async def one(check: Check) -> Outcome:
        nonlocal done
        found = await _look(check, patient)
        done += 1
        report(done, len(checks))
        return Outcome(check, found)

    report(0, len(checks))
    async with asyncio.TaskGroup() as tasks:
        looking = [tasks.create_task(one(check)) for check in checks]
    return [task.result() for task in looking]


async def _look(check: Check, patient: Patient) -> Finding:
    try:
        async with asyncio.timeout(check.deadline_s):
            return await check.look(patient)
    except TimeoutError:
        return warning(f"no answer within {check.deadline_s:g} s", "Look at what this check asks; it hangs.")
    except NexusError as error:
        return Finding(Verdict.PROBLEM, str(error))  # its line says how to mend it
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others find
        return warning(f"the check itself broke ({type(error).__name__})", _MEND_THE_DOCTOR)
