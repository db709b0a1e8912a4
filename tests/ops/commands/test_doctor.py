"""``nexus doctor``: a report for people and for scripts, that touches nothing and shows no secret."""

import json
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.commands import doctor
from ops.commands.doctor import PROBLEM_EXIT, run
from ops.doctor.findings import Check, Finding, Patient, ok, problem, warning
from ops.doctor.table import CHECKS
from tests.doctored import files_of

SECRET = "sk-ant-api03-Zq7wK9pLmN3xVb5tRy8u"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEXUS_UPSTREAM_URL", "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)


def table(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> None:
    def check(number: int, one: Finding) -> Check:
        async def look(_: Patient) -> Finding:
            return one

        return Check("first" if number < 2 else "second", f"c{number}", look)

    monkeypatch.setattr(doctor, "CHECKS", tuple(check(number, one) for number, one in enumerate(found)))


def test_a_report_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table(monkeypatch, ok("fine"), warning("late", "Hurry."), problem(f"key {SECRET} is wrong", "Take another."))
    assert run([], as_json=False) == PROBLEM_EXIT
    assert capsys.readouterr().out.splitlines() == [
        "ok       first     c0: fine",
        "warning  first     c1: late",
        "                   → Hurry.",
        "problem  second    c2: key sk-ant-*** is wrong",
        "                   → Take another.",
        "",
        "1 ok, 1 to look at, 1 to mend.",
    ]


def test_a_report_for_scripts_of_some_subjects(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table(monkeypatch, ok("fine"), warning("late", "Hurry."), problem("wrong", "Mend."))
    assert run(["first"], as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"subject": "first", "check": "c0", "verdict": "ok", "finding": "fine", "mend": None},
        {"subject": "first", "check": "c1", "verdict": "warning", "finding": "late", "mend": "Hurry."},
    ]
    with pytest.raises(SetupError, match="There is no subject third; there are first, second"):
        run(["third"], as_json=True)


def test_settings_that_cannot_work_are_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "many")
    assert run([], as_json=True) == PROBLEM_EXIT
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["subject"], one["check"], one["verdict"]) == ("machine", "settings", "problem")
    assert "NEXUS_GATEWAY_PORT" in one["finding"]


def test_where_nothing_runs_every_check_answers_and_nothing_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With secrets in every place that holds some."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nexus:hidden-word@127.0.0.1:1/nexus")
    monkeypatch.setenv("NEXUS_UPSTREAM_PROXY", "http://user:hidden-word@127.0.0.1:1")
    monkeypatch.setenv("DASHBOARD_API_KEY", "hidden-word")
    (tmp_path / ".env").write_text("GEMINI_API_KEY=hidden-word\n")
    before = files_of(tmp_path)
    assert run([], as_json=True) == PROBLEM_EXIT
    shown = capsys.readouterr()
    assert "hidden-word" not in shown.out + shown.err
    found = {one["check"]: one for one in json.loads(shown.out)}
    assert found["database"]["verdict"] == found["reach"]["verdict"] == "problem"
    assert len(found) == len(CHECKS)
    assert not [one for one in found.values() if "broke" in one["finding"] or "no answer" in one["finding"]]
    assert files_of(tmp_path) == before
