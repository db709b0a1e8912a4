"""One snapshot held against journals and clients: what must be there by when, and what a later look takes back."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from ops.checking.answers import AnswerReading
from ops.checking.journal_facts import ExchangeFrames, JournalFacts, place
from ops.checking.journal_format import Request
from ops.checking.looking import Evidence, Look, cursor_violations
from ops.checking.recording_rules import Bodies
from ops.checking.store_reading import Stored
from ops.checking.violations import Violation
from tests.journals import JournalOnDisk
from tests.stored_streams import ID, JOURNAL, STARTED, completed, received, run, stream

FIRST = UUID(int=0)


def facts(**changes: object) -> JournalFacts:
    frames = ExchangeFrames(JOURNAL, 100)
    frames.request = Request(0, "pass_through", "POST", "/", (), "here", 0)
    frames.request_at = 100
    frames.answer.add(0, b"ab")
    made = JournalFacts(JOURNAL, living=True, shipped_to=0, exchanges={ID: frames}, read_to=200)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def look(
    root: Path | None,
    cursors: Mapping[UUID, int] | None = None,
    open_in: Mapping[UUID, UUID] | None = None,
    journals: Mapping[UUID, JournalFacts] | None = None,
    **changes: bool,
) -> Look:
    known = {JOURNAL: facts()} if journals is None else journals
    evidence = Evidence(root, known, lambda *_: False, frozenset([ID]), changes.get("only_host", False))
    return Look(evidence, dict(cursors or {}), dict(open_in or {}), Bodies())


def stored(*contents: object, **changes: object) -> Stored:
    return Stored(stream(*contents, **changes), AnswerReading([], lambda *_: False))  # type: ignore[arg-type]  # a test's


def words(one: Look) -> list[str]:
    return [violation.detail for found in one.violations.values() for violation in found]


@pytest.mark.parametrize(("cursor", "is_missed"), [(100, False), (101, True), (200, True), (None, False)])
def test_what_is_shipped_must_be_there(tmp_path: Path, cursor: int | None, is_missed: bool) -> None:
    """No cursor and the journal still here: nobody has shipped anything of it yet."""
    (tmp_path / str(JOURNAL)).mkdir()
    one = look(tmp_path, {} if cursor is None else {JOURNAL: cursor})
    one.finish(FIRST)
    assert (words(one) != []) == is_missed
    assert one.counts.unshipped == 1
    assert one.recorded[ID].ranges == ((0, 2),)


def test_a_journal_that_went_away_must_be_there_whole(tmp_path: Path) -> None:
    one = look(tmp_path)
    one.finish(FIRST)
    assert words(one) == [f"journal {JOURNAL}: its records are shipped, the store has nothing of it"]


def test_stretches_are_promised_once_they_are_shipped() -> None:
    promised = [look(None, {JOURNAL: cursor}).new_answer(ID).complaints for cursor in (199, 200)]
    assert promised == [[], ["bytes 0 to 2 are not all there (0 are)"]]
    assert look(None).new_answer(UUID(int=99)).complaints == []


def test_exchanges_before_the_first_are_left_out() -> None:
    one = look(None, open_in={ID: JOURNAL})
    one.finish(UUID(int=ID.int + 1))
    assert words(one) == []


def test_an_open_exchange_without_an_event_is_said() -> None:
    one = look(None, {JOURNAL: 0}, open_in={UUID(int=77): JOURNAL})
    one.finish(FIRST)
    assert words(one) == [f"it stands among the open exchanges of journal {JOURNAL} and has no event"]


@pytest.mark.parametrize(
    ("only_host", "is_here", "is_wrong"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_an_open_exchange_needs_its_journal(tmp_path: Path, only_host: bool, is_here: bool, is_wrong: bool) -> None:
    if is_here:
        (tmp_path / str(JOURNAL)).mkdir()
    one = look(tmp_path, {JOURNAL: 0}, {ID: JOURNAL}, {}, only_host=only_host)
    one.take(stored(received()))
    assert [detail for detail in words(one) if "is not here" in detail] != [] if is_wrong else words(one) == []
    assert one.counts.open == 1


def test_what_passes_is_counted() -> None:
    one = look(None, journals={})
    one.take_page([stored(received(), STARTED, run(0, 3), completed(3, b"xyz"), answer=b"xyz")])
    counts = one.counts
    assert (counts.exchanges, counts.events, counts.chunk_bytes, counts.body_bytes, counts.compared) == (1, 4, 3, 3, 0)
    assert one.recorded[ID].ended_by == "completed"
    assert len(one.bodies.hashes if one.bodies else ()) == 1


def test_an_exchange_that_its_journal_never_had_is_said() -> None:
    one = look(None, {JOURNAL: 200}, journals={JOURNAL: facts(exchanges={}, from_the_start=True, last_us=900)})
    one.take(stored(received(), STARTED, run(0, 3), completed(3, b""), answer=b""))
    assert words(one) == [f"journal {JOURNAL} is all here and has nothing of this exchange"]


def test_a_later_look_takes_back_what_was_not_so() -> None:
    one, later = look(None), look(None)
    still = Violation("I5", UUID(int=2), "still")
    one.violations |= {ID: [Violation("I5", ID, "then")], UUID(int=2): [Violation("I5", UUID(int=2), "then")]}
    later.violations[UUID(int=2)] = [still]
    one.correct(later, [ID, UUID(int=2)])
    assert dict(one.violations) == {UUID(int=2): [still]}


def test_cursors_are_held_against_the_files(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path, JOURNAL)  # type: ignore[arg-type]  # any id
    assert cursor_violations(tmp_path, {JOURNAL: place(1, 5)}, {}) == []  # no segment: it is gone, or just begun
    disk.append(b"abc", 2)
    size = disk.segment(2).stat().st_size
    for cursor, is_wrong in ((place(2, size), False), (place(2, size + 1), True), (place(3, 0), True)):
        assert bool(cursor_violations(tmp_path, {JOURNAL: cursor}, {})) == is_wrong
    for lowest, is_wrong in ((1, False), (2, True), (None, False)):
        known = {JOURNAL: facts(lowest_segment=lowest)}
        assert bool(cursor_violations(tmp_path, {JOURNAL: place(1, 9)}, known)) == is_wrong
    disk.die()
