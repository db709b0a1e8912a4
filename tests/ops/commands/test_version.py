"""``nexus version``."""

import platform
from importlib.metadata import version

import pytest

from ops.commands.version import run, text


def test_it_says_what_a_report_of_a_mistake_needs(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr().out == f"{text()}\n"
    assert version("nexus-gateway") in text()
    assert platform.python_version() in text()
    assert platform.system() in text()
