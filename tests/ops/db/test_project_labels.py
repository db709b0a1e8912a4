"""Labels of projects in the store: said, said again, taken back, refused without a trace."""

import pytest

from domain.errors import StoreUnavailableError
from domain.project_labels import UnfitLabelError
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.db.project_labels import labels_said, say_label
from tests.key_samples import NOON

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


async def test_the_newest_label_of_each_project_stands(pool: Pool, migrated_database: str) -> None:
    log = PostgresEventLog(pool)
    assert await labels_said(log) == {}
    for project, label in (("dir:1", "shop"), ("dir:2", "bank"), ("dir:1", "the shop"), ("dir:2", "")):
        say_label(migrated_database, project, label, who="ada", at=NOON)
    assert await labels_said(log) == {"dir:1": "the shop"}


async def test_what_is_refused_leaves_nothing(pool: Pool, migrated_database: str) -> None:
    with pytest.raises(UnfitLabelError):
        say_label(migrated_database, "dir:1", " ", who="ada", at=NOON)
    assert await labels_said(PostgresEventLog(pool)) == {}


def test_a_store_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.application.CONNECT_TIMEOUT_S", 1)
    with pytest.raises(StoreUnavailableError):
        say_label(NOWHERE, "dir:1", "shop", who="ada", at=NOON)
