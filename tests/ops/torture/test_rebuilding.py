"""What the command says is handed on; that it finds a difference is shown by its own tests."""

from pathlib import Path

import pytest

from ops.settings import inherited
from ops.torture import rebuilding
from ops.torture.rebuilding import difference_to_rebuild


async def test_a_command_that_succeeds_says_nothing(tmp_path: Path) -> None:
    assert await difference_to_rebuild(inherited({}), tmp_path, ["version"]) == ""


async def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    assert "No such command" in await difference_to_rebuild(inherited({}), tmp_path, ["versionn"])


async def test_it_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "DEADLINE_S", 0.01)
    assert "not rebuilt" in await difference_to_rebuild(inherited({}), tmp_path, ["version"])
