"""All checks are made at once, none holds up the others, and one that breaks is a finding."""

import asyncio
from pathlib import Path

from domain.errors import SetupError
from ops.doctor.examining import examine
from ops.doctor.findings import Check, Finding, Patient, Verdict, ok
from tests.doctored import patient


async def hangs(_: Patient) -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks(_: Patient) -> Finding:
    raise ValueError("what it was fed: secret")


async def says(_: Patient) -> Finding:
    raise SetupError("Mend it like this.")


async def test_every_check_is_heard_in_the_order_of_the_table(tmp_path: Path) -> None:
    meeting = asyncio.Barrier(2)

    async def meets(_: Patient) -> Finding:
        await meeting.wait()  # only another check that runs at the same time lets it through
        return ok("met")

    checks = [
        Check("a", "one", meets),
        Check("a", "hangs", hangs, deadline_s=0.05),
        Check("b", "breaks", breaks),
        Check("b", "says", says),
        Check("b", "two", meets),
    ]
    progress: list[tuple[int, int]] = []
    outcomes = await examine(checks, patient(tmp_path), lambda done, total: progress.append((done, total)))
    assert [one.check.name for one in outcomes] == ["one", "hangs", "breaks", "says", "two"]
    assert [one.found.verdict for one in outcomes] == [
        Verdict.OK, Verdict.WARNING, Verdict.WARNING, Verdict.PROBLEM, Verdict.OK,
    ]  # fmt: skip
    assert outcomes[1].found.finding == "no answer within 0.05 s"
    assert outcomes[2].found.finding == "the check itself broke (ValueError)"
    assert outcomes[3].found.finding == "Mend it like this."
    assert progress == [(done, 5) for done in range(6)]
