"""A person's word becomes an event: the first one, further ones, one taken back, and none for nonsense."""

from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from domain.corrections import CorrectionRefusedError, LinkCorrection
from domain.errors import StoreUnavailableError
from ops.db.application import Nexus
from ops.db.corrections import correct, undo
from tests.shipping import AT

REQUEST, PARENT = UUID(int=7), UUID(int=3)


def stored(url: str) -> list[StoredEvent]:
    with Nexus(url) as nexus:
        return list(nexus.recorder.select_events(LinkCorrection.create_id(REQUEST)))


def test_every_word_is_an_event_of_its_own(migrated_database: str) -> None:
    correct(migrated_database, REQUEST, PARENT, who="ada", why="I was there", at=AT)
    correct(migrated_database, REQUEST, None, who="bob", why="", at=AT)
    undo(migrated_database, REQUEST, who="ada", why="never mind", at=AT)
    correct(migrated_database, REQUEST, PARENT, who="eve", why="", at=AT)
    topics = [event.topic for event in stored(migrated_database)]
    assert topics == ["link-corrected", "link-corrected", "link-correction-undone", "link-corrected"]


def test_nothing_is_undone_that_does_not_stand(migrated_database: str) -> None:
    with pytest.raises(CorrectionRefusedError, match="never corrected"):
        undo(migrated_database, REQUEST, who="ada", why="", at=AT)
    correct(migrated_database, REQUEST, None, who="ada", why="", at=AT)
    undo(migrated_database, REQUEST, who="ada", why="", at=AT)
    with pytest.raises(CorrectionRefusedError, match="undone already"):
        undo(migrated_database, REQUEST, who="ada", why="", at=AT)
    assert len(stored(migrated_database)) == 2


def test_a_request_is_not_its_own_parent(migrated_database: str) -> None:
    with pytest.raises(CorrectionRefusedError):
        correct(migrated_database, REQUEST, REQUEST, who="ada", why="", at=AT)
    assert stored(migrated_database) == []


def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.application.CONNECT_TIMEOUT_S", 1)
    with pytest.raises(StoreUnavailableError):
        correct("postgresql://nobody@127.0.0.1:1/none", REQUEST, None, who="ada", why="", at=AT)
