"""Usage on its way to the gateways: counted while a limit needs it, and whatever happens the shipper goes on."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from credentials import usage_counts
from credentials.usage_counts import USAGE_NAME, UsageCounts
from domain.account_limits import AccountLimits
from domain.client_keys import ClientKey
from domain.ids import Position
from domain.limits import Limits
from domain.ports import Recorded
from ops import usage_publishing
from ops.db.pool import Pool
from ops.home import Home, prepare
from ops.key_book import KeyBook
from ops.usage_publishing import counted, publish_usage
from tests.key_samples import NOON, new_key
from tests.waiting import until

LIMITED = Limits(tokens_per_hour=1000)


def book_with(*made: ClientKey | AccountLimits) -> KeyBook:
    book = KeyBook()
    events = [event for one in made for event in one.collect_events()]
    book.take([Recorded(Position(n), event) for n, event in enumerate(events, 1)])
    return book


def key(number: int, limits: Limits) -> ClientKey:
    return ClientKey.issue(new_key(number, limits=limits), who="ada", at=NOON)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


async def test_nothing_is_counted_that_no_limit_needs(pool: Pool) -> None:
    revoked = key(2, LIMITED)
    revoked.revoke(who="ada", why="", at=NOON)
    acme = AccountLimits.begin("acme", Limits(60), who="ada", at=NOON)
    assert await counted(pool, book_with(key(1, Limits(60)), revoked, acme), lambda: NOON) is None


async def test_keys_and_accounts_with_a_limit_of_tokens_are_counted(pool: Pool) -> None:
    acme = AccountLimits.begin("acme", LIMITED, who="ada", at=NOON)
    book = book_with(key(1, LIMITED), key(2, Limits()), acme)
    counts = await counted(pool, book, lambda: NOON)
    assert counts == UsageCounts(NOON, {new_key(1).key_id: 0}, {"acme": 0})
    assert (counts.spend_by_key, counts.spend_by_account) == (None, None)


async def test_they_are_written_again_and_again_and_a_failure_is_survived(
    pool: Pool, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_publishing, "EVERY_S", 0.01)
    failures: list[Exception] = [RuntimeError("a mistake"), OSError("full")]
    now, count = [NOON], usage_publishing.counted

    async def failing(*given: object) -> UsageCounts | None:
        if failures:
            raise failures.pop()
        return await count(*given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(usage_publishing, "counted", failing)
    book = book_with(key(1, LIMITED))
    path = home.run / USAGE_NAME
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(publish_usage(pool, lambda: book, home, lambda: now[0]))
        await until(lambda: usage_counts.read(path), "the counts")
        now[0] += timedelta(seconds=1)
        await until(lambda: (found := usage_counts.read(path)) and found.at == now[0], "newer counts")
        running.cancel()
    assert failures == []
