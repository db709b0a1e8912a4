"""The store as a whole: positions, checkpoints, and a place where further checks are added."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.checking import checker
from ops.checking.store_checks import STORE_CHECKS
from ops.checking.violations import Violation
from ops.db.checking_queries import Snapshot, connected, snapshot
from tests.checked import CheckedHome

TOOK = "UPDATE nexus_events SET notification_id = 2 WHERE notification_id = 3"
AHEAD = "INSERT INTO nexus_tracking VALUES ('requests', 6000)"


async def found(home: CheckedHome) -> list[Violation]:
    async with connected(home.dsn) as connection, snapshot(connection) as store:
        return [violation for one in STORE_CHECKS for violation in await one(store)]


async def test_a_store_that_is_right(kept_home: CheckedHome) -> None:
    assert await found(kept_home.restored()) == []


async def test_each_check_names_what_it_looks_for(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    home.damage(TOOK, AHEAD)
    told = [(one.invariant, one.detail.partition(" (")[0]) for one in await found(home)]
    assert told[:2] == [
        ("I5", "position 2 belongs to more than one event"),
        ("I6", "projection requests says it has read up to position 6000, the newest event has 16"),
    ]
    assert ("store", "position 2: the event is not the one that was sealed") in told[2:]


async def test_a_further_check_is_one_more_function(kept_home: CheckedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    async def seals(snapshot: Snapshot) -> Sequence[Violation]:
        return [Violation("store", None, f"{await snapshot.count(home.ids[0])} events are not sealed")]

    home = kept_home.restored()
    monkeypatch.setattr(checker, "STORE_CHECKS", (seals,))
    assert [one.detail for one in (await home.check()).violations] == ["16 events are not sealed"]


async def test_an_empty_store_is_right(migrated_database: str, tmp_path: Path) -> None:
    checked = await checker.check(checker.Place(journals=tmp_path, database=migrated_database))
    assert checked.ok
    assert set(checked.counts.as_dict().values()) == {0}
