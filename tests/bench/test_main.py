"""The command line of the bench."""

import pytest

from tests.bench import __main__ as command
from tests.bench.load import LoadError
from tests.bench.rows import ROWS


def test_all_rows_are_the_default() -> None:
    found = command.words([])
    assert found.names == list(ROWS)
    assert (found.rounds, found.size) == (3, "full")


def test_quick_is_a_size() -> None:
    found = command.words(["--rows", "json,paced", "--quick"])
    assert (found.names, found.size) == (["json", "paced"], "quick")


def test_an_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.words(["--rows", "json,jsn"])
    assert "unknown rows: jsn; there are idle, json" in capsys.readouterr().err


def test_the_first_cause_is_told() -> None:
    cause = LoadError("it broke")
    assert command.first_of(ExceptionGroup("", [ExceptionGroup("", [cause]), ValueError()])) is cause
    assert command.first_of(cause) is cause


@pytest.mark.parametrize("arguments", [["--docs", "--quick"], ["--docs", "--rows", "json"]])
def test_only_a_full_run_is_published(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.words(arguments)
    assert command.words(["--docs"]).docs
