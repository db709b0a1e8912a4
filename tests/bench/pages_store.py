"""What do the pages of the bench show? A million requests up to now, and one talk of ten thousand messages.

Eight sessions are shipped and projected by the product and copied by SQL (``growth``) over some ninety days that end
now, so that today, the week and the month have what an office leaves. Then one long talk is shipped.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from ops.db.partitions import ensure_partitions
from ops.db.pool import Pool
from ops.serve_database import migrated
from ops.stores import opened
from projections.read_models import builds
from projections.read_models.usage_rollup import MEASURES, NOWHERE, PLACE
from projections.registry import PROJECTIONS
from tests.bench.growth import STEP_MS, grow
from tests.bench.long_sessions import BEGAN, Shape, Shipper, session
from tests.bench.swarm import swarm
from tests.captures import Captured
from tests.projected import Store
from tests.shipping import TestJournal

HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
LASTED = timedelta(seconds=3)
NO_SUMS = "TRUNCATE {schema}.{table}"
SUMS = """
INSERT INTO {schema}.{table} SELECT {start}, group_id, {places} {counts}
FROM {schema}.usage_lines GROUP BY 1, 2 {grouped}
"""
DAY_OF, MONTH_OF = (f"date_trunc('{each}', received_at, 'UTC')" for each in ("day", "month"))
STARTS = {
    "usage_quarters": "date_bin('15 minutes', received_at, 'epoch')",
    "usage_days": DAY_OF,
    "usage_months": MONTH_OF,
    "usage_conversations": DAY_OF,
}
"""Of each table of sums."""
STEPS, SPACING = 40, timedelta(seconds=2)
"""Of each sub-agent of the long talk; and from one of its exchanges to the next, about."""
MODELS = ("claude-opus-4-", "claude-sonnet-4-", "claude-haiku-4-")
"""A copy has a digit behind them (``growth``)."""
WORKERS = 3
_MODEL, _ACCOUNT = b'"claude-test"', b'\\"account_uuid\\": \\"'
TALK = "the long talk"


@dataclass(frozen=True)
class Amount:
    """How much there is."""

    requests: int = 1_000_000
    messages: int = 10_000
    """Of the long talk: half of them answers."""
    sessions: int = 8
    """That are shipped by the product, and copied."""
    turns: int = 40

    @property
    def copies(self) -> int:
        return self.requests // (self.sessions * self.turns) - 1

    @property
    def span(self) -> timedelta:
        """From the first session to the last copy."""
        return self.copies * timedelta(milliseconds=STEP_MS)


async def fill(dsn: str, amount: Amount, now: datetime) -> UUID:
    """An empty database becomes such a store; returns the long talk's conversation."""
    await migrated(dsn)
    async with opened(dsn, "nexus-bench", max_size=WORKERS) as pool:
        first = _hour(now - amount.span)
        async with pool.acquire() as connection:
            await ensure_partitions(connection, BEGAN + first * HOUR, amount.span // MONTH + 3)
        store = Store.over(pool)
        await _ship(store, invented(amount, first))
        await _grow(pool, store, amount.copies)
        exchanges = amount.messages // 2
        return await _ship(store, swarm(TALK, exchanges, STEPS, now - exchanges * SPACING))


def invented(amount: Amount, hour: int) -> list[Captured]:
    """The sessions that are copied, side by side: each of its own model and account."""
    shape = Shape(turns=amount.turns, result_chars=600, runs=1)
    found = list[Captured]()
    for number in range(amount.sessions):
        model = f'"{MODELS[number % len(MODELS)]}"'.encode()
        account = _ACCOUNT + str(UUID(int=number % 3 + 1)).encode()
        for one in session(f"session {number} of ", shape, hour):
            body = one.body.replace(_MODEL, model).replace(_ACCOUNT, account)
            found.append(replace(one, body=body, at=one.at + timedelta(seconds=2 * number)))
    return sorted(found, key=lambda one: one.at)


async def _ship(store: Store, exchanges: Iterable[Captured]) -> UUID:
    """The id of the first one."""
    shipper = Shipper(store.ship, await TestJournal.opened(store.ship), Shape(runs=1))
    first: UUID | None = None
    for number, one in enumerate(exchanges):
        shipped = await shipper.ship(replace(one, n=number, ended=one.at + LASTED))
        first = first or shipped
    await store.follow()
    assert first is not None
    return first


async def _grow(pool: Pool, store: Store, copies: int) -> None:
    async with store.sources.transactions() as tx:
        schemas = [(await builds.ensure_live(tx, each)).schema for each in PROJECTIONS]
    events = await store.sources.log.newest()
    await grow(pool, schemas, copies * events)
    await _add_up(pool, next(schema for schema in schemas if "conversations" in schema))


async def _add_up(pool: Pool, schema: str) -> None:
    """Sums of a copy begin when the copies of its lines do, which is no quarter and no day: they are made anew."""
    counts = ", ".join(f"sum({name})" for name in MEASURES)
    nowhere = ", ".join(f"coalesce({name}, '{NOWHERE}')" for name in PLACE)
    for table, start in STARTS.items():
        placed = table == "usage_conversations"
        await pool.execute(NO_SUMS.format(schema=schema, table=table))
        statement = SUMS.format(
            schema=schema,
            table=table,
            start=start,
            places=f"{nowhere}, count(*)," if placed else "count(*),",
            counts=counts,
            grouped=", 3, 4" if placed else "",
        )
        await pool.execute(statement, timeout=600)
        await pool.execute(f"ANALYZE {schema}.{table}")


def _hour(moment: datetime) -> int:
    """Of the bench's time, whole ones."""
    return (moment - BEGAN) // HOUR
