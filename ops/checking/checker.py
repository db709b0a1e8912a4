"""Are the promises I1 to I8 kept here? Journals, store and recordings, read independently and held against each other.

The order of the reading is what makes it right while everything moves: first what clients and upstream wrote down,
then the journals, then a snapshot of the store. What a client had is in a journal; what a journal no longer has is in
the store. What looks wrong is looked at once more in a later snapshot, so only what stays wrong is told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from ops.checking.bodies import Bodies
from ops.checking.journal_facts import JournalFacts, place
from ops.checking.journal_reading import SHIPPER_LOCK, is_held, read_journals
from ops.checking.journal_rules import own_violations
from ops.checking.looking import Evidence, Look, cursor_violations
from ops.checking.recording_rules import Bodies as SeenBodies
from ops.checking.recording_rules import Excuse, Seen, recording_violations
from ops.checking.recordings import ClientSaw, Recordings
from ops.checking.store_checks import STORE_CHECKS
from ops.checking.store_reading import in_pages, stored_exchanges
from ops.checking.violations import Counts, Violation
from ops.db.checking_queries import FIRST, connected, cursors_now, snapshot
from ops.db.pool import OwnConnection

Progress = Callable[[int, int], None]
_MOST_LOOKED_AT_AGAIN = 1000
_POLL_S = 0.05
_ANSWERS_KEPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to look. What is None is not looked at."""

    journals: Path | None
    database: str | None
    recordings: Path | None = None
    since: datetime | None = None
    """Only exchanges that began then or later."""
    only_host: bool = False
    """No other host writes to this database: an open exchange needs its journal here."""
    excuses: frozenset[Excuse] = frozenset()
    """Why clients may have failed without a fault of ours."""
    settle_s: float = 5.0
    """So long a running shipper is given to reach what the journals have now."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found."""

    counts: Counts
    violations: tuple[Violation, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.violations


async def check(place_: Place, report: Progress = lambda *_: None) -> Checked:
    """Raises SetupError or StoreUnavailableError."""
    seen = _Recorded(place_)
    if place_.database is None:
        return _Verdict(place_, seen, await _journals(place_, {}, seen)).of(None)
    async with connected(place_.database) as connection:
        journals = await _journals(place_, await _cursors(connection), seen)
        await _until_shipped(connection, place_, journals)
        look, general = await _first_look(connection, place_, _evidence(place_, journals, seen), seen, report)
        await _second_look(connection, look)
    return _Verdict(place_, seen, journals, tuple(general)).of(look)


class _Recorded:
    """What clients and upstream wrote down, if they did."""

    def __init__(self, place_: Place) -> None:
        recordings = Recordings.read(place_.recordings) if place_.recordings else None
        since_ns = int(place_.since.timestamp() * 1e9) if place_.since else 0
        self.clients = tuple(one for one in (recordings.clients if recordings else ()) if one.sent_ns >= since_ns)
        self.upstream = tuple(one for one in (recordings.upstream if recordings else ()) if one.at_ns >= since_ns)
        self.bodies = SeenBodies() if recordings else None
        self._by_id: dict[UUID, ClientSaw] = {one.request_id: one for one in self.clients if one.request_id}
        self._answer = lru_cache(_ANSWERS_KEPT)(recordings.answer) if recordings else None

    @property
    def watched(self) -> frozenset[UUID]:
        return frozenset(self._by_id)

    def differs(self, request_id: UUID, offset: int, data: bytes) -> bool:
        """Did its client receive other bytes at this place?"""
        saw = self._by_id.get(request_id)
        if saw is None or self._answer is None or offset >= saw.size:
            return False
        there = self._answer(saw)[offset : offset + len(data)]
        return there != data[: len(there)]


@dataclass(frozen=True, slots=True)
class _Verdict:
    place: Place
    seen: _Recorded
    journals: dict[UUID, JournalFacts]
    general: tuple[Violation, ...] = ()
    """Of no single exchange."""

    def of(self, look: Look | None) -> Checked:
        if look is None:  # journals alone: all they have is unshipped
            look = Look(_evidence(self.place, self.journals, self.seen), {}, {}, self.seen.bodies)
            look.finish(_first_id(self.place.since))
        found = [*self.general, *(one for facts in self.journals.values() for one in own_violations(facts))]
        found += [one for request_id in sorted(look.violations) for one in look.violations[request_id]]
        if self.seen.bodies is not None:
            clients, upstream = self.seen.clients, self.seen.upstream
            seen = Seen(clients, upstream, look.recorded, self.seen.bodies, self.place.excuses)
            found += recording_violations(seen)
        return Checked(self._counts(look), tuple(found))

    def _counts(self, look: Look) -> Counts:
        counts = look.counts
        counts.journals = len(self.journals)
        counts.frames = sum(facts.frames for facts in self.journals.values())
        counts.damaged_bytes = sum(facts.damaged_bytes for facts in self.journals.values())
        counts.clients, counts.upstream = len(self.seen.clients), len(self.seen.upstream)
        return counts


def _evidence(place_: Place, journals: dict[UUID, JournalFacts], seen: _Recorded) -> Evidence:
    return Evidence(place_.journals, journals, seen.differs, seen.watched, place_.only_host)


async def _journals(place_: Place, cursors: dict[UUID, int], seen: _Recorded) -> dict[UUID, JournalFacts]:
    if place_.journals is None:
        return {}
    return await asyncio.to_thread(read_journals, place_.journals, cursors, seen.differs)


async def _cursors(connection: OwnConnection) -> dict[UUID, int]:
    return {row["journal_id"]: place(row["segment"], row["offset"]) for row in await cursors_now(connection)}


async def _until_shipped(connection: OwnConnection, place_: Place, journals: dict[UUID, JournalFacts]) -> None:
    """A running shipper gets a while to reach what was read of its journals."""
    root = place_.journals
    if root is None:
        return
    ends = asyncio.get_running_loop().time() + place_.settle_s
    while asyncio.get_running_loop().time() < ends:
        cursors = await _cursors(connection)
        behind = [one for one, facts in journals.items() if cursors.get(one, facts.read_to) < facts.read_to]
        if not any(is_held(root / str(one) / SHIPPER_LOCK) for one in behind):
            return
        await asyncio.sleep(_POLL_S)


async def _first_look(
    connection: OwnConnection, place_: Place, evidence: Evidence, seen: _Recorded, report: Progress
) -> tuple[Look, list[Violation]]:
    """Everything, and what is wrong with no single exchange."""
    first = _first_id(place_.since)
    async with snapshot(connection) as store:
        look = await Look.at(store, evidence, seen.bodies)
        general = cursor_violations(place_.journals, look.cursors, evidence.journals) if place_.journals else []
        total = await store.count(first)
        report(0, total)
        for one in STORE_CHECKS:
            general += await one(store)
        async for page in in_pages(
            stored_exchanges(store.events(first), store.chunks(first), look.open_in, look.new_answer), Bodies(store)
        ):
            look.take_page(page)
            report(look.counts.events, total)
        look.finish(first)
    return look, general


async def _second_look(connection: OwnConnection, look: Look) -> None:
    """What looked wrong, once more, in a later snapshot: only what is wrong there too is told."""
    suspects = sorted(look.violations)[:_MOST_LOOKED_AT_AGAIN]
    if not suspects:
        return
    async with snapshot(connection) as store:
        again = await Look.at(store, look.evidence, look.bodies)
        events, chunks = store.events_of(suspects), store.chunks_of(suspects)
        found = stored_exchanges(events, chunks, again.open_in, again.new_answer)
        async for page in in_pages(found, Bodies(store)):
            again.take_page(page)
    again.finish_only(suspects)
    look.correct(again, suspects)


def _first_id(since: datetime | None) -> UUID:
    """The smallest UUIDv7 of that moment."""
    if since is None:
        return FIRST
    milliseconds = int(since.astimezone(UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80)
