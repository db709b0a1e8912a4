"""What is wrong with the exchanges of a snapshot? Store, journals and clients, held against each other as they pass."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from ops.checking.answers import AnswerReading
from ops.checking.invariants import Stream, stream_violations
from ops.checking.journal_facts import JournalFacts, place
from ops.checking.journal_reading import sizes_of
from ops.checking.journal_rules import Reach, journal_violations, promised, unknown_to_journal
from ops.checking.recording_rules import Bodies as SeenBodies
from ops.checking.recording_rules import Recorded, recorded_of
from ops.checking.spans import Stretch
from ops.checking.store_reading import Stored
from ops.checking.violations import Counts, Violation
from ops.db.checking_queries import Snapshot

_BEYOND_EVERYTHING = 1 << 62
Differs = Callable[[UUID, int, bytes], bool]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read before the snapshot was taken."""

    root: Path | None
    """Of the journals."""
    journals: Mapping[UUID, JournalFacts]
    differs: Differs
    watched: frozenset[UUID]
    """Exchanges that a client knows."""
    only_host: bool
    """No other host writes to this database."""


@dataclass(slots=True)
class Look:
    """One snapshot of the store, looked at."""

    evidence: Evidence
    cursors: dict[UUID, int]
    open_in: dict[UUID, UUID]
    """Exchange to journal."""
    bodies: SeenBodies | None = None
    counts: Counts = field(default_factory=Counts)
    violations: dict[UUID, list[Violation]] = field(default_factory=lambda: defaultdict(list))
    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    met: set[UUID] = field(default_factory=set)
    """Exchanges of the journals that the store has."""
    _streams_open: set[UUID] = field(default_factory=set)
    _reaches: dict[UUID, Reach] = field(default_factory=dict)
    _home_of: dict[UUID, JournalFacts] = field(default_factory=dict)

    @classmethod
    async def at(cls, snapshot: Snapshot, evidence: Evidence, bodies: SeenBodies | None) -> "Look":
        cursors = {row["journal_id"]: place(row["segment"], row["offset"]) for row in await snapshot.cursors()}
        open_in = {row["request_id"]: row["journal_id"] for row in await snapshot.open_exchanges()}
        return cls(evidence, cursors, open_in, bodies)

    def __post_init__(self) -> None:
        for journal, facts in self.evidence.journals.items():
            until = self.cursors.get(journal)
            if until is None:
                until = 0 if self._is_here(journal) else _BEYOND_EVERYTHING
            everything = 0 < facts.read_to <= until
            self._reaches[journal] = Reach(until, everything, exact=not facts.damage)
            self._home_of |= dict.fromkeys(facts.exchanges, facts)

    def new_answer(self, request_id: UUID) -> AnswerReading:
        facts = self._home_of.get(request_id)
        stretches: tuple[Stretch, ...] = ()
        if facts is not None:
            stretches = tuple(promised(facts.exchanges[request_id], self._reaches[facts.journal]))
        return AnswerReading(stretches, lambda offset, data: self.evidence.differs(request_id, offset, data))

    def take(self, stored: Stored) -> None:
        """One exchange of the store."""
        stream = stored.stream
        self._count(stream)
        found = list(stream_violations(stream))
        if (facts := self._home_of.get(stream.request_id)) is not None:
            self.met.add(stream.request_id)
            self.counts.compared += 1
            frames, reach = facts.exchanges[stream.request_id], self._reaches[facts.journal]
            found += (
                ()
                if not stream.is_exchange
                else journal_violations(stream.request_id, frames, stream, reach, stored.answer.complaints)
            )
        elif (received := stream.received) and (claimed := self.evidence.journals.get(received.journal_id)):
            found += filter(None, [unknown_to_journal(claimed, stream)])
        found += self._orphaned(stream)
        self._note(stream.request_id, stream, differs=stored.answer.differs)
        if found:
            self.violations[stream.request_id] += found

    def take_page(self, page: Sequence[Stored]) -> None:
        for one in page:
            self.take(one)

    def finish(self, first: UUID) -> None:
        """What is in the journals, or among the open ones, and not in the store; from exchange ``first`` on."""
        self.finish_only({one for one in self._home_of.keys() | self.open_in.keys() if one >= first})

    def finish_only(self, these: Collection[UUID]) -> None:
        for request_id in sorted((self._home_of.keys() & set(these)) - self.met):
            self.take_absent(request_id)
        for request_id in sorted((self.open_in.keys() & set(these)) - self._streams_open):
            words = f"it stands among the open exchanges of journal {self.open_in[request_id]} and has no event"
            self.violations[request_id].append(Violation("store", request_id, words))

    def correct(self, later: "Look", these: Collection[UUID]) -> None:
        """What a later look at these exchanges did not find wrong is not wrong."""
        for request_id in these:
            if later.violations.get(request_id):
                self.violations[request_id] = later.violations[request_id]
            else:
                self.violations.pop(request_id, None)
        self.recorded |= later.recorded

    def take_absent(self, request_id: UUID) -> None:
        """An exchange of which the store has nothing."""
        facts = self._home_of[request_id]
        frames = facts.exchanges[request_id]
        self.counts.unshipped += 1
        found = list(journal_violations(request_id, frames, None, self._reaches[facts.journal], ()))
        self._note(request_id, None, differs=False)
        if found:
            self.violations[request_id] += found

    def _count(self, stream: Stream) -> None:
        counts = self.counts
        counts.exchanges += stream.is_exchange
        counts.events += len(stream.events)
        counts.chunk_bytes += sum(chunk.size for chunk in stream.chunks)
        counts.body_bytes += stream.body.size if stream.body else 0
        counts.gaps += len(stream.lost)
        counts.gap_bytes += sum(one.byte_count for one in stream.lost)
        if stream.open_in is not None:
            self._streams_open.add(stream.request_id)
            counts.open += stream.end is None

    def _orphaned(self, stream: Stream) -> list[Violation]:
        journal = stream.open_in
        if journal is None or stream.end is not None or not self.evidence.only_host or self._is_here(journal):
            return []
        words = f"it is open, and journal {journal}, which alone could bring its end, is not here"
        return [Violation("I4", stream.request_id, words)]

    def _is_here(self, journal: UUID) -> bool:
        return self.evidence.root is not None and (self.evidence.root / str(journal)).is_dir()

    def _note(self, request_id: UUID, stream: Stream | None, *, differs: bool) -> None:
        facts = self._home_of.get(request_id)
        frames = facts.exchanges[request_id] if facts else None
        if self.bodies is not None:
            self.bodies.note(stream, frames)
        if request_id in self.evidence.watched:
            self.recorded[request_id] = recorded_of(stream, frames, differs=differs)


def cursor_violations(
    root: Path, cursors: Mapping[UUID, int], journals: Mapping[UUID, JournalFacts]
) -> list[Violation]:
    """Cursors that stand where their journal has nothing. ``cursors`` must be older than this moment."""
    found = []
    for journal, cursor in cursors.items():
        sizes = sizes_of(root / str(journal))
        if sizes and cursor > place(*max(sizes.items())):
            found.append(Violation("I5", None, f"journal {journal}: the store's cursor stands beyond its end"))
        facts = journals.get(journal)
        lowest = facts.lowest_segment if facts else None
        if lowest is not None and place(lowest, 0) > cursor:
            words = f"journal {journal}: a segment before number {lowest} is gone and was not shipped to its end"
            found.append(Violation("I5", None, words))
    return found
