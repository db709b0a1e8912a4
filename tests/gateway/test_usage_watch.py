"""The newest counts are known soon; old ones say nothing; a broken file changes nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from credentials.usage_counts import UsageCounts, read, write
from gateway import usage_watch
from gateway.usage_watch import UsageWatch, spend_of_day, tokens_of_last_hour
from tests.waiting import until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
COUNTS = UsageCounts(NOON, {"k": 5}, {"acme": 7}, {"k": Decimal("0.5")}, {"acme": Decimal(3)})


async def test_what_is_written_is_known_soon_and_what_cannot_be_read_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[UsageCounts | None]()

    def noted(path: Path) -> UsageCounts | None:
        looks.append(read(path))
        return looks[-1]

    monkeypatch.setattr(usage_watch, "read", noted)
    path = tmp_path / "usage.json"
    watch = UsageWatch(path)
    assert looks == [None]
    running = asyncio.ensure_future(watch.run(0.001))
    write(path, COUNTS)
    await until(lambda: watch.current == COUNTS)
    path.write_bytes(b"{torn")
    looks.clear()
    await until(lambda: looks[-2:] == [None, None])
    assert watch.current == COUNTS
    running.cancel()


def test_tokens_are_those_of_the_key_or_the_account_for_an_hour() -> None:
    assert tokens_of_last_hour(COUNTS, "key", "k", NOON) == 5
    assert tokens_of_last_hour(COUNTS, "account", "acme", NOON + timedelta(minutes=59)) == 7
    assert tokens_of_last_hour(COUNTS, "account", "k", NOON) == 0
    assert tokens_of_last_hour(COUNTS, "key", "k", NOON + timedelta(hours=1)) == 0
    assert tokens_of_last_hour(None, "key", "k", NOON) == 0


def test_spend_is_that_of_the_utc_day_and_of_nobody_where_prices_are_unknown() -> None:
    assert spend_of_day(COUNTS, "key", "k", NOON) == Decimal("0.5")
    assert spend_of_day(COUNTS, "account", "acme", datetime(2026, 5, 4, 23, 59, tzinfo=UTC)) == 3
    assert spend_of_day(COUNTS, "account", "acme", datetime(2026, 5, 5, 0, 0, tzinfo=UTC)) == 0
    assert spend_of_day(COUNTS, "account", "other", NOON) == 0
    assert spend_of_day(UsageCounts(NOON), "key", "k", NOON) == 0
    assert spend_of_day(None, "key", "k", NOON) == 0
