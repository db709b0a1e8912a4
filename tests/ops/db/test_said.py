"""What people say is added to what stands, or begins it; and every word is read, however many there are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from domain.ids import Position
from domain.ports import Recorded
from domain.project_labels import LABEL_TOPICS, ProjectLabel
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.db.said import all_said, say

AT = datetime(2026, 11, 22, tzinfo=UTC)


def word(standing: ProjectLabel | None, label: str) -> ProjectLabel:
    if standing is None:
        return ProjectLabel.begin("shop", f"first {label}", who="ada", at=AT)
    standing.call(f"then {label}", who="ada", at=AT)
    return standing


async def test_a_word_is_the_first_or_a_further_one(migrated_database: str, pool: Pool) -> None:
    for label in ("a", "b", "c"):
        speak = partial(say, migrated_database, ProjectLabel.create_id("shop"), partial(word, label=label))
        await in_daemon_thread(speak)
    said: list[Any] = [one.event for one in await all_said(PostgresEventLog(pool), LABEL_TOPICS)]
    assert [event.label for event in said] == ["first a", "then b", "then c"]


class Log:
    """Gives a few at a time, of many."""

    def __init__(self, count: int) -> None:
        self.events: list[Any] = [Recorded(Position(3 * n + 1), n) for n in range(count)]  # type: ignore[arg-type]

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        assert topics == ("t",)
        return [one for one in self.events if one.position > after][: min(limit, 7)]


async def test_all_are_read_however_many() -> None:
    said: list[Any] = [one.event for one in await all_said(Log(50), ("t",))]
    assert said == list(range(50))
    assert await all_said(Log(0), ("t",)) == []
