"""The terminal: few lines, and no harm if it is gone."""

import sys

import pytest

from ops.console import NOTICES_PER_WINDOW, WINDOW_S, Console


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_part_that_talks_too_much_is_cut_short_and_its_log_named(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    console = Console(clock)
    for number in range(NOTICES_PER_WINDOW + 5):
        console.notice("shipper", f"line {number}", "logs/shipper.log")
    console.notice("gateway", "hello", "logs/gateway.log")
    said = capsys.readouterr().err.splitlines()
    assert said[:NOTICES_PER_WINDOW] == [f"shipper: line {number}" for number in range(NOTICES_PER_WINDOW)]
    assert said[NOTICES_PER_WINDOW:] == ["shipper: more of this in logs/shipper.log", "gateway: hello"]
    clock.now = WINDOW_S
    console.notice("shipper", "again", "logs/shipper.log")
    assert capsys.readouterr().err == "shipper: again\n"


def test_a_window_begins_with_each_line() -> None:
    clock = Clock()
    console = Console(clock)
    for _ in range(NOTICES_PER_WINDOW * 3):
        clock.now += WINDOW_S / NOTICES_PER_WINDOW
        console.notice("shipper", "now and then", "log")
    assert len(console._recent["shipper"]) <= NOTICES_PER_WINDOW


def test_a_terminal_that_is_gone_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

        def flush(self) -> None:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    Console(Clock()).say("hello")
