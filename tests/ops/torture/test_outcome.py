"""The report: clean or not, for a person and for a script, and how to repeat it."""

import json
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from ops.checking.recordings import ClientSaw
from ops.torture.outcome import Outcome, json_text, text
from ops.torture.schedule import Fault, Plant
from ops.torture.verdict import RECOVERY_S, Failure

SAW = ClientSaw(
    request_id=UUID(int=5), body_sha256="ab" * 32, body_bytes=1, status=200, whole=False, gone=False, failed="x",
    faithful=True, sent_ns=1, ended_ns=2,
)  # fmt: skip
CLEAN = Outcome(
    repeat="nexus torture --seed 7",
    planted=(Plant(2.0, Fault.KILL, "gateway", 0.0), Plant(4.0, Fault.PROXY, "swallow", 3.0)),
    requests=120,
    byte_count=99,
    causes=Counter({"served": 110, "gateway killed": 10}),
    recoveries_s=(1.5, 2.5),
    rss_growth=-1_500_000,
    settled_s=0.5,
    checked="120 exchanges",
)
SPOILT = {
    "a failed client": (replace(CLEAN, failures=(Failure(SAW, "closed early"),)), "abababababab"),
    "a violation": (replace(CLEAN, violations=("I1 x: bytes",)), "I1 x: bytes"),
    "a slow recovery": (replace(CLEAN, recoveries_s=(RECOVERY_S + 1,)), "away for 11.0 s"),
    "no rest": (replace(CLEAN, settled_s=None), "did not arrive"),
    "a bad end": (replace(CLEAN, exit_code=1), "exit code 1"),
    "journals left": (replace(CLEAN, unshipped=2), "2 journals"),
}


def test_a_clean_run() -> None:
    assert CLEAN.ok
    assert text(CLEAN).splitlines() == [
        "planted:",
        "      2.0 s  kill gateway",
        "      4.0 s  proxy swallow for 3.0 s",
        "requests: 120, 99 bytes of answers; 10 gateway killed, 110 served",
        "gateway killed: 2 times, serving again after 2.50 s at most",
        "gateway memory: -1.5 MB",
        "all shipped: 0.5 s after the last answer",
        "checked: 120 exchanges",
        "violations: 0",
        "again: nexus torture --seed 7",
    ]


@pytest.mark.parametrize("which", SPOILT)
def test_what_must_not_be_is_said(which: str) -> None:
    outcome, word = SPOILT[which]
    assert not outcome.ok
    assert word in text(outcome)
    assert any(word in one for one in json.loads(json_text(outcome))["violations"])


def test_a_script_gets_all_of_it() -> None:
    said = json.loads(json_text(replace(CLEAN, left_out=["clock (why)"])))
    assert said["ok"] is True
    assert said["again"] == CLEAN.repeat
    assert said["planted"][1] == {"at_s": 4.0, "fault": "proxy", "target": "swallow", "lasts_s": 3.0}
    assert said["clients"] == {"served": 110, "gateway killed": 10}
    assert said["recoveries_s"] == [1.5, 2.5]
    assert (said["left_out"], said["violations"]) == (["clock (why)"], [])


def test_of_many_violations_the_first_are_shown() -> None:
    said = text(replace(CLEAN, violations=[f"violation {number}" for number in range(50)]))
    assert "violations: 50" in said
    assert "violation 19" in said
    assert "violation 20" not in said
    assert "and 30 more" in said


def test_what_nobody_measured_is_not_said() -> None:
    said = text(Outcome(repeat="r", left_out=["disk-full (it needs root)"]))
    assert "memory" not in said
    assert "killed:" not in said
    assert "left out: disk-full (it needs root)" in said
