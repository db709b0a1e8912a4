"""What a check finds has a verdict, and what is wrong has a mend."""

from pathlib import Path

from ops.doctor.findings import Verdict, ok, problem, warning
from tests.doctored import patient, seen


def test_the_three_verdicts() -> None:
    assert (ok("a").verdict, ok("a").mend) == (Verdict.OK, "")
    assert (warning("a", "b").verdict, warning("a", "b").mend) == (Verdict.WARNING, "b")
    assert (problem("a", "b").verdict, problem("a", "b").finding) == (Verdict.PROBLEM, "a")


def test_a_patient_s_environment_is_not_shown_and_silent_parts_are_not_fresh(tmp_path: Path) -> None:
    one = patient(tmp_path, environment={"KEY": "secret"}, parts={"shipper": seen(), "projector": seen(30)})
    assert "secret" not in repr(one)
    assert list(one.fresh) == ["shipper"]
