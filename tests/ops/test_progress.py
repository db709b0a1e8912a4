"""A bar where there is a terminal, nothing where there is none."""

import io
import sys

import pytest

from ops.progress import progress_bar


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("file", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_the_bar_goes_to_a_terminal_only(monkeypatch: pytest.MonkeyPatch, file: io.StringIO, shown: bool) -> None:
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("building") as report:
        report(1, 10)
        report(10, 10)
    assert ("building" in file.getvalue()) is shown
