"""``nexus audit``: what was noted is told, filtered, as a table, as JSON, for a spreadsheet."""

import asyncio
import csv
import io
import json
from typing import Any
from uuid import UUID

import pytest

from domain.audit import Entry
from domain.errors import SetupError
from ops.clock import utc_now
from ops.commands import audit
from ops.db.audit import StoredAudit

ENTRIES = (
    Entry(who="ada", act="logged-in", about="key"),
    Entry(who="ada", act="read-body", about="r-1"),
    Entry(who="bob", act="exported", about="=cmd", why="asked, for"),
)


@pytest.fixture
def noted(database: str) -> None:
    numbers = iter(range(1, 100))
    kept = StoredAudit(database, utc_now, lambda: UUID(int=next(numbers)))

    async def note() -> None:
        for entry in ENTRIES:
            await kept.note(entry)

    asyncio.run(note())


def told(capsys: pytest.CaptureFixture[str], limit: int = 100, form: str = "json", **wanted: Any) -> str:
    audit.run({"who": None, "act": None, "about": None, "since": None, **wanted}, limit, form=form)
    return capsys.readouterr().out


@pytest.mark.usefixtures("database")
def test_nothing_noted_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, form="table").strip() == "Nothing is noted."
    assert json.loads(told(capsys)) == []
    with pytest.raises(SetupError, match="--since wants a moment"):
        told(capsys, since="never")


@pytest.mark.usefixtures("noted")
def test_filters_choose_and_the_newest_are_told_the_oldest_of_them_first(capsys: pytest.CaptureFixture[str]) -> None:
    expected: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [0, 1, 2]),
        ({"who": "ada"}, [0, 1]),
        ({"act": "exported"}, [2]),
        ({"about": "r-1", "who": "ada"}, [1]),
        ({"who": "eve"}, []),
        ({"since": "1h"}, [0, 1, 2]),
        ({"since": "2099-01-01"}, []),
    ]
    for wanted, places in expected:
        found = [(line["who"], line["act"], line["about"]) for line in json.loads(told(capsys, **wanted))]
        assert found == [(ENTRIES[one].who, ENTRIES[one].act, ENTRIES[one].about) for one in places], wanted
    assert [line["act"] for line in json.loads(told(capsys, limit=2))] == ["read-body", "exported"]


@pytest.mark.usefixtures("noted")
def test_a_table_and_a_spreadsheet_have_every_cell_and_run_none(capsys: pytest.CaptureFixture[str]) -> None:
    acts = [line.split()[2:4] for line in told(capsys, form="table").splitlines()[1:]]
    assert acts == [["ada", "logged-in"], ["ada", "read-body"], ["bob", "exported"]]
    head, *lines = csv.reader(io.StringIO(told(capsys, form="csv")))
    assert head == ["at", "who", "act", "about", "detail"]
    assert [line[1:] for line in lines] == [
        ["ada", "logged-in", "key", ""],
        ["ada", "read-body", "r-1", ""],
        ["bob", "exported", "'=cmd", "asked, for"],
    ]
