"""Generated sessions are explained rightly or not at all; the published table is made by the same code."""

import pytest

from tests.bench import explaining
from tests.bench.explaining import WHOLE, measured, report


def test_no_cause_is_named_wrongly_and_none_without_evidence() -> None:
    score = measured(150, seed=7)
    assert score.right == score.named
    assert sum(score.named.values()) > 50
    assert score.blind > 5
    assert score.silent <= 1
    assert (score.blind_named, score.false_alarms) == (0, 0)
    assert sum(score.unknown.values()) == 0
    text = report(score, 150)
    assert all(f"| `{one.cause}` |" in text for one in WHOLE)


def test_it_runs_as_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert explaining.main(["--sessions", "3"]) == 0
    assert "3 generated sessions" in capsys.readouterr().out
