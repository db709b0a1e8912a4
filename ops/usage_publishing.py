"""How do gateways learn what keys and accounts used lately? From a file, written while a limit needs it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from credentials import usage_counts
from credentials.usage_counts import USAGE_NAME, UsageCounts
from domain.errors import NexusError
from domain.ports import Clock
from ops.db.borrowing import borrowed
from ops.home import Home
from ops.key_book import KeyBook
from projections.read_models.used_tokens import used_by_accounts, used_by_keys

if TYPE_CHECKING:
    from ops.db.pool import Pool

EVERY_S = 1.0
DEADLINE_S = 5.0
WINDOW = timedelta(hours=1)
_LOG = structlog.get_logger("nexus.keys")


async def publish_usage(pool: "Pool", book: Callable[[], KeyBook], home: Home, clock: Clock) -> None:
    """Every second while a key or an account has a limit of tokens, until cancelled, whatever happens."""
    trouble = ""
    while True:
        try:
            counts = await counted(pool, book(), clock)
            if counts is not None:
                await asyncio.to_thread(usage_counts.write, home.run / USAGE_NAME, counts)
            trouble = ""
        except Exception as error:  # noqa: BLE001 - recording goes on in this process, whatever is wrong with counts
            said = str(error) if isinstance(error, NexusError) else repr(error)
            if said != trouble:
                _LOG.warning("usage is not published", detail=said)
            trouble = said
        await asyncio.sleep(EVERY_S)


async def counted(pool: "Pool", book: KeyBook, clock: Clock) -> UsageCounts | None:
    """None: nothing needs counting. Raises StoreUnavailableError."""
    keys = [key.key_id for key in book.keys.values() if key.limits.tokens_per_hour and key.revoked_at is None]
    accounts = [one.account for one in book.accounts.values() if one.limits.tokens_per_hour]
    if not keys and not accounts:
        return None
    now = clock()
    async with borrowed(pool, DEADLINE_S) as connection:
        return UsageCounts(
            at=now,
            tokens_by_key=await used_by_keys(connection, keys, now - WINDOW),
            tokens_by_account=await used_by_accounts(connection, accounts, now - WINDOW),
        )
