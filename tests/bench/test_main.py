"""The command line of the bench."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.bench import __main__ as command
from tests.bench.load import LoadError
from tests.bench.rows import ROWS

LONG_S = 20.0


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


@pytest.fixture
def handlers() -> Iterator[None]:
    """Of signals; the command sets its own."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_who_ends_the_bench_ends_what_it_has_started(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def measure(*_: object) -> None:
        try:
            os.kill(os.getpid(), number)
            async with asyncio.timeout(LONG_S):
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # so that a command without its own handler ends no test run
    monkeypatch.setattr(command, "measure", measure)
    assert command.main(["--rows", "json"]) == 130
    assert ended == [number]
