"""The frames of one exchange become the events DESIGN §3 names, holes and all."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parts import cut
from gateway.exchange_fold import RUN_BYTES, RUN_US, ExchangeFold, Made, RequestDraft, time_of
from gateway.frames import Frame, Kind, encode_piece
from gateway.records import EndRecord, ForwardedRecord, GapRecord, RequestRecord, ResponseRecord, encode
from schemas.stored.events import (
    ChunkStreamed,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)
from tests.journals import JOURNAL, STARTED_NS, Scripted, scripted

T = TypeVar("T")
ID = UUID("01990000-0000-7000-8000-000000000001")


class Played:
    """A fold with the frames given so far."""

    def __init__(self) -> None:
        self.made = Made()
        self.fold = ExchangeFold(ID, JOURNAL, 100, STARTED_NS, self.made)

    def request(self, body: bytes = b"", byte_count: int | None = None, *, forwarded: bool = True) -> "Played":
        size = len(body) if byte_count is None else byte_count
        record = RequestRecord(STARTED_NS, "pass_through", "POST", "/v1/messages", (), "here", size)
        self.fold.request(7, frame(Kind.REQUEST, 100, encode(record)))
        if body:
            self.fold.request_body(frame(Kind.REQUEST_BODY, 101, encode_piece(0, body)))
        if forwarded:
            self.fold.forwarded(frame(Kind.FORWARDED, 102, encode(ForwardedRecord(deferred=False))))
        return self

    def chunk(self, at_us: int, offset: int, data: bytes, position: int = 0) -> None:
        self.fold.chunk(position, frame(Kind.CHUNK, at_us, encode_piece(offset, data)))

    def head(self, at_us: int = 150) -> None:
        """Of the answer."""
        self.fold.response(frame(Kind.RESPONSE, at_us, encode(ResponseRecord("upstream", 200, ()))))

    def end(self, at_us: int, received: int, outcome: str = "completed") -> None:
        record = EndRecord(outcome, received, received)  # type: ignore[arg-type]  # a test's word
        self.fold.end(frame(Kind.END, at_us, encode(record)))

    @property
    def kinds(self) -> list[str]:
        return [type(draft).__name__ for draft in self.made.drafts]

    def only(self, kind: type[T]) -> T:
        [one] = [draft for draft in self.made.drafts if isinstance(draft, kind)]
        return one


def frame(kind: Kind, time_us: int, payload: bytes) -> Frame:
    return Frame(kind, ID, time_us, payload)


def play(script: Scripted, *, skip: frozenset[int] = frozenset()) -> Made:
    """Feed a scripted exchange, leaving out the frames numbered in ``skip``."""
    made, now = Made(), 0
    fold = ExchangeFold(script.request_id, JOURNAL, 0, STARTED_NS, made)
    feed = {
        Kind.REQUEST: lambda f: fold.request(0, f),
        Kind.REQUEST_BODY: fold.request_body,
        Kind.FORWARDED: fold.forwarded,
        Kind.RESPONSE: fold.response,
        Kind.CHUNK: lambda f: fold.chunk(0, f),
        Kind.END: fold.end,
    }
    for number, (pause, kind, payload) in enumerate(script.frames()):
        now += pause
        if number not in skip:
            feed[kind](Frame(kind, script.request_id, now, payload))
    if not fold.ended:
        fold.crash()
    return made


@given(scripted(st.just(ID)))
def test_a_whole_exchange_becomes_its_events(script: Scripted) -> None:
    made = play(script)
    request, *rest = made.drafts
    assert isinstance(request, RequestDraft)
    assert (request.body or b"") == script.body
    versions = [request.version, *(event.originator_version for event in rest if not isinstance(event, RequestDraft))]
    assert versions == list(range(1, len(made.drafts) + 1))
    last = made.drafts[-1]
    assert b"".join(run.data for run in made.runs) == script.answer
    if script.outcome == "completed":
        assert isinstance(last, ResponseCompleted)
        assert (last.byte_count, last.sha256) == (len(script.answer), hashlib.sha256(script.answer).hexdigest())
    else:
        assert isinstance(last, ResponseAborted)
        assert last.ended_by == (script.outcome or "gateway_crash")
        assert last.byte_count == len(script.answer)
        assert last.delivered == (None if script.outcome is None else len(script.answer))


@given(scripted(st.just(ID)))
def test_every_chunk_keeps_its_offset_length_and_moment(script: Scripted) -> None:
    made = play(script)
    received = next(d.journal_us for d in made.drafts if isinstance(d, RequestDraft))
    now, offset, expected = 0, 0, []
    for pause, kind, payload in script.frames():
        now += pause
        if kind is Kind.CHUNK:
            expected.append((offset, len(payload) - 8, now - received))
            offset += len(payload) - 8
    seen = []
    for event in made.drafts:
        if isinstance(event, ChunkStreamed):
            at = event.offset
            for length, arrival in zip(event.lengths, event.arrivals_us, strict=True):
                seen.append((at, length, arrival))
                at += length
    assert seen == expected


@given(scripted(st.just(ID)))
def test_runs_are_as_long_as_the_rule_lets_them_be(script: Scripted) -> None:
    made = play(script)
    runs = [event for event in made.drafts if isinstance(event, ChunkStreamed)]
    for run in runs:
        assert sum(run.lengths) <= RUN_BYTES or len(run.lengths) == 1
        assert run.arrivals_us[-1] - run.arrivals_us[0] < RUN_US
    for run, after in itertools.pairwise(runs):
        small = sum(run.lengths) + after.lengths[0] <= RUN_BYTES
        assert not (small and after.arrivals_us[0] - run.arrivals_us[0] < RUN_US), "two runs that are one"


@given(scripted(st.just(ID)), st.data())
def test_lost_frames_become_gaps_and_nothing_else_is_lost(script: Scripted, data: st.DataObject) -> None:
    kinds = [kind for _, kind, _ in script.frames()]
    droppable = [n for n, kind in enumerate(kinds) if kind is not Kind.END]
    skip = frozenset(data.draw(st.sets(st.sampled_from(droppable), max_size=3)))
    made = play(script, skip=skip)
    runs = {run.offset: run.data for run in made.runs}
    gaps = [g for g in made.drafts if isinstance(g, RecordingGap)]
    covered = {(offset, offset + len(run)) for offset, run in runs.items()}
    covered |= {(g.offset, g.offset + g.byte_count) for g in gaps if g.part == "response" and g.byte_count}
    edges = sorted(covered)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges)), "no byte is told of twice"
    if script.outcome is not None and script.answer:
        assert (edges[0][0], edges[-1][1]) == (0, len(script.answer))
    for offset, run in runs.items():
        assert script.answer[offset : offset + len(run)] == run
    body_hit = any(kinds[n] in {Kind.REQUEST, Kind.REQUEST_BODY} for n in skip)
    assert any(g.part == "request" for g in gaps) == body_hit
    assert sum(isinstance(d, ResponseCompleted | ResponseAborted) for d in made.drafts) == 1


def test_times_count_from_the_request_and_never_go_back() -> None:
    played = Played().request()
    played.chunk(1_000_100, 0, b"a")
    played.end(50, 1)
    draft = played.only(RequestDraft)
    assert (
        draft.event("s", None, None).timestamp == time_of(STARTED_NS) == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    )
    assert played.only(ChunkStreamed).timestamp == time_of(STARTED_NS) + timedelta(seconds=1)
    assert played.only(ResponseCompleted).elapsed_us == 0


def pending_of(played: Played) -> int | None:
    return played.fold.pending_since


def test_pending_since_is_the_oldest_frame_not_in_an_event() -> None:
    played = Played().request(forwarded=False)
    assert pending_of(played) == 7
    played.fold.forwarded(frame(Kind.FORWARDED, 102, encode(ForwardedRecord(deferred=True))))
    assert played.only(RequestDraft).deferred
    assert pending_of(played) is None
    played.chunk(200, 0, b"a", position=40)
    played.chunk(201, 1, b"b", position=80)
    assert pending_of(played) == 40
    played.fold.tick(200 + RUN_US - 1)
    assert pending_of(played) == 40
    played.fold.tick(200 + RUN_US)
    assert pending_of(played) is None
    assert played.made.runs[0].data == b"ab"


def test_a_request_whose_record_is_lost_still_has_a_stream() -> None:
    played = Played()
    played.chunk(200, 0, b"a")
    played.end(300, 1)
    assert played.kinds == ["RecordingGap", "RecordingGap", "ChunkStreamed", "ResponseCompleted"]
    assert played.made.drafts[0].originator_version == 1  # type: ignore[union-attr]  # no draft by the line above


def test_a_body_that_came_in_part_is_not_kept() -> None:
    played = Played().request(b"abc", byte_count=10)
    assert played.only(RequestDraft).body is None
    gap = played.only(RecordingGap)
    assert (gap.part, gap.offset, gap.byte_count) == ("request", 3, 7)


def test_bytes_lost_at_the_end_show_by_the_end_record() -> None:
    played = Played().request()
    played.head()
    played.chunk(200, 0, b"abc")
    played.end(300, 10)
    gap = played.only(RecordingGap)
    assert (gap.part, gap.offset, gap.byte_count) == ("response", 3, 7)
    assert played.only(ResponseCompleted).byte_count == 10


def test_a_lost_head_of_an_answer_is_told_once_and_may_still_come_in_a_copy() -> None:
    played = Played().request()
    played.chunk(200, 0, b"a")
    played.chunk(201, 1, b"b")
    played.head(150)
    played.end(300, 2)
    gap = played.only(RecordingGap)
    assert (gap.part, gap.reason, gap.byte_count) == ("response", "the head of the answer is lost", 0)
    assert played.kinds == ["RequestDraft", "RecordingGap", "ResponseStarted", "ChunkStreamed", "ResponseCompleted"]


def test_an_answer_without_bytes_has_a_head_too_unless_it_never_began() -> None:
    for outcome, gaps in (("completed", 1), ("client", 0)):
        played = Played().request()
        played.end(300, 0, outcome)
        assert played.kinds.count("RecordingGap") == gaps


def test_a_gap_the_gateway_wrote_is_told_once_and_moves_the_offset() -> None:
    played = Played().request()
    played.head()
    played.chunk(200, 0, b"abc")
    played.fold.gap(frame(Kind.GAP, 210, encode(GapRecord("response", "disk full", 3, 5))))
    played.chunk(220, 8, b"xyz")
    played.end(300, 11)
    assert played.kinds[2:] == ["ChunkStreamed", "RecordingGap", "ChunkStreamed", "ResponseCompleted"]
    assert played.only(RecordingGap).reason == "disk full"


def test_frames_lost_before_a_gap_are_told_too() -> None:
    played = Played().request()
    played.head()
    played.chunk(200, 0, b"abc")
    played.fold.gap(frame(Kind.GAP, 210, encode(GapRecord("response", "disk full", 7, 5))))
    played.end(300, 12)
    gaps = [one for one in played.made.drafts if isinstance(one, RecordingGap)]
    assert [(gap.reason, gap.offset, gap.byte_count) for gap in gaps] == [
        ("frames are lost", 3, 4),
        ("disk full", 7, 5),
    ]


def test_a_gap_of_the_request_waits_for_the_request() -> None:
    played = Played().request(b"abc", byte_count=10, forwarded=False)
    gap = GapRecord("request", "disk full", 3, 7)
    played.fold.gap(frame(Kind.GAP, 102, encode(gap)))
    assert played.kinds == []
    played.fold.forwarded(frame(Kind.FORWARDED, 103, encode(ForwardedRecord(deferred=True))))
    assert played.kinds == ["RequestDraft", "RecordingGap"]
    assert played.only(RequestDraft).deferred
    assert (played.only(RecordingGap).reason, played.only(RecordingGap).byte_count) == ("disk full", 7)


def test_a_gap_that_was_copied_to_another_segment_is_told_once() -> None:
    played = Played().request()
    for _ in range(2):
        played.fold.gap(frame(Kind.GAP, 210, encode(GapRecord("response", "disk full", 0, 5))))
    assert played.kinds == ["RequestDraft", "RecordingGap"]


def test_frames_that_come_again_make_nothing() -> None:
    played = Played().request(b"body")
    before = list(played.kinds)
    played.request(b"body")
    assert played.kinds == before
    played.chunk(200, 0, b"abc")
    played.chunk(200, 0, b"abc")
    played.chunk(201, 1, b"bcde")
    played.end(300, 5)
    assert [run.data for run in played.made.runs] == [b"abcde"]


@pytest.mark.parametrize("account", [None, "client says"])
def test_the_draft_becomes_the_event(account: str | None) -> None:
    draft = Played().request(b'{"a": 1}').only(RequestDraft)
    body = cut(b'{"a": 1}', b"k" * 32)
    event = draft.event("scope", account, body)
    assert isinstance(event, RequestReceived)
    assert (event.scope, event.account, event.body) == ("scope", account, body.reference)
    assert (event.originator_version, event.byte_count, event.journal_us) == (1, 8, 100)


def test_a_response_is_started_once() -> None:
    script = Scripted(ID, b"", ((1, b"a"),), "completed")
    made = play(script)
    assert sum(isinstance(draft, ResponseStarted) for draft in made.drafts) == 1
