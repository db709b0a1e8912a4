"""``nexus migrate``: says what it did, and does it once."""

from pathlib import Path

import pytest

from ops.commands.migrate import run
from ops.db.migrate import migrations


def test_it_applies_what_is_pending_and_says_so(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run()
    names = [migration.name for migration in migrations()]
    assert capsys.readouterr().out.splitlines() == [
        *(f"applied {name}" for name in names),
        "The database is up to date.",
    ]
    run()
    assert capsys.readouterr().out == "The database is up to date.\n"
