"""Does every event in the store still fit its seal? Reads the log and its seals once, a page at a time.

Works on a read replica and beside writers: what is appended meanwhile is left for the next check.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from ops.db.borrowing import borrowed
from ops.db.pool import Connection, Pool
from ops.db.seals import ChainCheck, Fault, Seal, Sealed, framed

DEADLINE_S = 120.0
"""For one page."""
SEALS_A_PAGE, EVENTS_AT_ONCE = 100, 1000
_BEFORE_ALL = -(2**63)
Connections = Callable[[], AbstractAsyncContextManager[Connection]]
Report = Callable[[int, int], None]
"""Called with the position that is reached and the newest one."""

_SELECT_NEWEST = """
SELECT (SELECT max(notification_id) FROM nexus_events) AS event, (SELECT max(last_position) FROM event_seals) AS seal
"""
_SELECT_SEALS = """
SELECT first_position, last_position, marks, digest FROM event_seals
WHERE last_position > $1 AND last_position <= $2 ORDER BY last_position LIMIT $3
"""
_SELECT_EVENTS = """
SELECT notification_id, originator_id, originator_version, topic, state FROM nexus_events
WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id
"""
_COUNT_EVENTS = """
SELECT count(*) AS events, min(notification_id) AS first, max(notification_id) AS last FROM nexus_events
WHERE notification_id > $1 AND notification_id <= $2
"""
_SELECT_DIGEST = "SELECT digest FROM event_seals WHERE last_position = $1"


@dataclass(frozen=True, slots=True)
class SealReport:
    """What a check found."""

    events: int
    """Events that fit their seal."""
    unsealed: int
    """Events from before the first seal: they were appended by a Nexus that put none."""
    head: Seal | None
    fault_count: int
    faults: tuple[Fault, ...]


def through(pool: Pool) -> Connections:
    """Each page on a connection of the pool."""
    return lambda: borrowed(pool, DEADLINE_S)


async def check_seals(connections: Connections, report: Report | None = None) -> SealReport:
    """Raises StoreUnavailableError."""
    newest, newest_seal = await _newest(connections)
    check, unsealed = ChainCheck(), 0
    async for seals in _pages(connections, newest_seal):
        if check.head is None:
            unsealed, _, _ = await _count(connections, _BEFORE_ALL, seals[0].first - 1)
        after = check.head.last if check.head else seals[0].first - 1
        await _feed(connections, check, seals, after)
        if report is not None:
            report(seals[-1].last, newest)
    if check.head is None:
        unsealed, _, _ = await _count(connections, _BEFORE_ALL, newest)
    else:
        await _behind(connections, check, check.head.last, newest)
    return SealReport(check.events, unsealed, check.head, check.fault_count, tuple(check.faults))


async def digest_at(connections: Connections, position: int) -> bytes | None:
    """The chain's digest at the end of an append; None: no append ended there."""
    async with connections() as connection:
        digest: bytes | None = await connection.fetchval(_SELECT_DIGEST, position)
    return digest


async def _newest(connections: Connections) -> tuple[int, int]:
    async with connections() as connection:
        row = await connection.fetchrow(_SELECT_NEWEST)
    assert row is not None
    return row["event"] or 0, row["seal"] or 0


async def _pages(connections: Connections, newest: int) -> AsyncIterator[list[Seal]]:
    after = 0
    while after < newest:
        async with connections() as connection:
            rows = await connection.fetch(_SELECT_SEALS, after, newest, SEALS_A_PAGE)
        if not rows:
            return
        for seals in _portions(
            [Seal(row["first_position"], row["last_position"], row["marks"], row["digest"]) for row in rows]
        ):
            yield seals
        after = rows[-1]["last_position"]


def _portions(seals: list[Seal]) -> Iterator[list[Seal]]:
    """The same seals, in portions of so few events that these fit into little memory."""
    portion: list[Seal] = []
    for seal in seals:
        if portion and seal.last - portion[0].first >= EVENTS_AT_ONCE:
            yield portion
            portion = []
        portion.append(seal)
    yield portion


async def _feed(connections: Connections, check: ChainCheck, seals: list[Seal], after: int) -> None:
    async with connections() as connection:
        rows = await connection.fetch(_SELECT_EVENTS, after, seals[-1].last)
    events = [
        Sealed(
            row["notification_id"], framed(row["originator_id"], row["originator_version"], row["topic"], row["state"])
        )
        for row in rows
    ]
    start = 0
    for seal in seals:
        end = start
        while end < len(events) and events[end].position <= seal.last:
            end += 1
        check.feed(seal, events[start:end])
        start = end


async def _behind(connections: Connections, check: ChainCheck, head: int, newest: int) -> None:
    count, first, last = await _count(connections, head, newest)
    if count:
        check.found(Fault(first, last, f"{count} events behind the last seal"))


async def _count(connections: Connections, after: int, upto: int) -> tuple[int, int, int]:
    async with connections() as connection:
        row = await connection.fetchrow(_COUNT_EVENTS, after, upto)
    assert row is not None
    return row["events"], row["first"] or 0, row["last"] or 0
