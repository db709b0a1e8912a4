"""What a journal's records come to: facts of each exchange, whole or in part."""

import hashlib
from uuid import UUID

from hypothesis import given, settings

from gateway.frames import Frame, Kind, encode_piece
from gateway.records import GapRecord, encode
from ops.checking.journal_facts import JournalFacts, place
from ops.checking.journal_format import Record, scan
from tests.journals import JOURNAL, Scripted, frame_bytes, journals, tick

ONE = UUID(int=1)


def fed(frames: list[Frame], shipped_to: int = 1 << 62) -> JournalFacts:
    facts, at = JournalFacts(JOURNAL, living=True, shipped_to=shipped_to), 0
    for frame in frames:
        (record,) = scan(frame_bytes(frame), 0, last=True)
        assert isinstance(record, Record)
        facts.feed(1, at, record)
        at += record.end
    return facts


@settings(max_examples=30)
@given(journals())
def test_every_exchange_is_known_as_it_was(journal: tuple[list[Scripted], list[Frame]]) -> None:
    scripts, frames = journal
    facts = fed(frames)
    assert facts.exchanges.keys() == {script.request_id for script in scripts}
    for script in scripts:
        known = facts.exchanges[script.request_id]
        assert known.request is not None
        assert known.request.byte_count == len(script.body)
        assert known.body.whole(len(script.body)) == hashlib.sha256(script.body).digest()
        assert known.answer.whole(len(script.answer)) == hashlib.sha256(script.answer).digest()
        assert (known.end.outcome if known.end else None) == script.outcome
        assert len(known.ends) == (script.outcome is not None)
        assert known.forwarded
    assert facts.frames == len(frames)
    assert facts.last_us == frames[-1].time_us
    assert facts.read_to == place(1, sum(len(frame_bytes(frame)) for frame in frames))
    assert facts.unreadable == []


@settings(max_examples=30)
@given(journals())
def test_records_that_come_again_change_nothing(journal: tuple[list[Scripted], list[Frame]]) -> None:
    """As at the head of a new segment, after the disk failed."""
    _, frames = journal
    once, twice = fed(frames), fed([*frames, *frames])
    for request_id, known in once.exchanges.items():
        again = twice.exchanges[request_id]
        assert (again.answer.all(), again.body.all(), again.ends) == (known.answer.all(), known.body.all(), known.ends)
        assert (again.end_at, again.request_at, again.response_at) == (
            known.end_at,
            known.request_at,
            known.response_at,
        )


def test_what_lies_before_the_cursor_is_settled() -> None:
    frames = [Frame(Kind.CHUNK, ONE, at, encode_piece(at, b"x")) for at in range(4)]
    size = len(frame_bytes(frames[0]))
    settled = fed(frames, place(1, 2 * size)).exchanges[ONE].answer.settled()
    assert [(one.start, one.end) for one in settled] == [(0, 2)]
    assert fed(frames, place(2, 0)).exchanges[ONE].answer.settled() == ()


def test_gaps_are_known_with_their_place() -> None:
    gap = Frame(Kind.GAP, ONE, 5, encode(GapRecord("response", "full", 3, 4)))
    ((at, told),) = fed([tick(0), gap]).exchanges[ONE].gaps
    assert (at, told.offset, told.byte_count) == (place(1, len(frame_bytes(tick(0)))), 3, 4)


def test_ticks_are_no_exchange() -> None:
    assert fed([tick(1)]).exchanges == {}


def test_what_cannot_be_read_is_said() -> None:
    frames = [Frame(kind, ONE, 1, b"x") for kind in (Kind.REQUEST, Kind.RESPONSE, Kind.END, Kind.GAP, Kind.CHUNK)]
    assert [kind for _, kind in fed(frames).unreadable] == [1, 4, 6, 7, 5]


def test_it_asks_whether_the_client_had_other_bytes() -> None:
    facts = JournalFacts(
        JOURNAL, living=True, shipped_to=0, differs=lambda _, offset, data: (offset, data) == (2, b"b")
    )
    for number, data in enumerate((b"a", b"b", b"c"), 1):
        assert not any(known.differs_from_client for known in facts.exchanges.values()) or number == 3
        (record,) = scan(frame_bytes(Frame(Kind.CHUNK, ONE, 1, encode_piece(number, data))), 0, last=True)
        assert isinstance(record, Record)
        facts.feed(1, 0, record)
    assert facts.exchanges[ONE].differs_from_client
