"""Many exchanges in one journal: the same events whatever the interleaving, the batches and the restarts."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.batching
from domain.ports import StreamTail
from gateway.batching import Batcher
from gateway.exchange_fold import Draft, Made, RequestDraft
from gateway.frames import Frame, Kind
from schemas.stored.events import ResponseAborted, ResponseCompleted
from tests.fake_store import FakeStore, tail_of
from tests.journals import JOURNAL, STARTED_NS, Scripted, journals


def id_of(draft: Draft) -> UUID:
    return getattr(draft, "request_id", None) or draft.originator_id  # type: ignore[union-attr]  # either has one


def feed(batcher: Batcher, frames: Sequence[Frame], start: int = 0) -> None:
    for position, frame in enumerate(frames[start:], start=start):
        batcher.feed(position, frame)


def whole(frames: Sequence[Frame]) -> Made:
    batcher = Batcher(JOURNAL, STARTED_NS)
    feed(batcher, frames)
    batcher.close()
    return batcher.take()


def by_exchange(made: Made) -> dict[UUID, list[Draft]]:
    out: dict[UUID, list[Draft]] = {}
    for draft in made.drafts:
        out.setdefault(id_of(draft), []).append(draft)
    return out


@given(journals())
def test_interleaving_changes_no_exchange(journal: tuple[list[Scripted], list[Frame]]) -> None:
    exchanges, frames = journal
    together = by_exchange(whole(frames))
    for exchange in exchanges:
        alone = [frame for frame in frames if frame.exchange == exchange.request_id or frame.kind is Kind.TICK]
        assert by_exchange(whole(alone))[exchange.request_id] == together[exchange.request_id]


@given(journals(), st.sets(st.integers(0, 200)))
def test_taking_in_pieces_gives_the_same(journal: tuple[list[Scripted], list[Frame]], takes: set[int]) -> None:
    _, frames = journal
    batcher, drafts, runs = Batcher(JOURNAL, STARTED_NS), list[Draft](), 0
    for position, frame in enumerate(frames):
        batcher.feed(position, frame)
        if position in takes:
            made = batcher.take()
            drafts += made.drafts
            runs += len(made.runs)
    batcher.close()
    made = batcher.take()
    at_once = whole(frames)
    assert drafts + made.drafts == at_once.drafts
    assert runs + len(made.runs) == len(at_once.runs)


def tails_of(made: Made) -> dict[UUID, StreamTail]:
    """What a store would say after ``made`` was appended."""
    store = FakeStore()
    store.events = [draft.event("s", None, None) if hasattr(draft, "event") else draft for draft in made.drafts]
    store.chunks = {(run.request_id, run.offset): run.data for run in made.runs}
    ids = {event.originator_id for event in store.events}
    return {one: tail_of(store.stream(one), store.answer(one)) for one in ids}


def timeless(draft: Draft) -> str:
    """A crash's own time is the last sign of life that was read, so it depends on what was read again."""
    return repr(draft.model_copy(update={"timestamp": None}) if isinstance(draft, ResponseAborted) else draft)


@given(journals(), st.integers(0, 200))
def test_reading_again_from_the_cursor_makes_just_the_rest(
    journal: tuple[list[Scripted], list[Frame]], stop: int
) -> None:
    _, frames = journal
    stop = min(stop, len(frames))
    first = Batcher(JOURNAL, STARTED_NS)
    feed(first, frames[:stop])
    before = first.take()
    cursor = first.cursor(stop)
    second = Batcher(JOURNAL, STARTED_NS)
    second.resume(tails_of(before))
    feed(second, frames, cursor)
    second.close()
    after = second.take()
    at_once = whole(frames)
    rest = [draft for draft in at_once.drafts if draft not in before.drafts]
    assert sorted(map(timeless, after.drafts)) == sorted(map(timeless, rest))
    assert {(r.request_id, r.offset, r.data) for r in before.runs + after.runs} == {
        (r.request_id, r.offset, r.data) for r in at_once.runs
    }


@given(journals())
def test_the_cursor_never_passes_a_frame_that_is_in_no_event(journal: tuple[list[Scripted], list[Frame]]) -> None:
    _, frames = journal
    batcher, last = Batcher(JOURNAL, STARTED_NS), 0
    for position, frame in enumerate(frames):
        batcher.feed(position, frame)
        cursor = batcher.cursor(position + 1)
        assert last <= cursor <= position + 1
        last = cursor
    batcher.close()
    assert batcher.cursor(len(frames)) == len(frames)


@given(journals())
def test_each_exchange_ends_exactly_once(journal: tuple[list[Scripted], list[Frame]]) -> None:
    exchanges, frames = journal
    made = by_exchange(whole([*frames, *frames]))
    assert set(made) == {exchange.request_id for exchange in exchanges}
    for exchange in exchanges:
        ends = [d for d in made[exchange.request_id] if type(d).__name__ in {"ResponseCompleted", "ResponseAborted"}]
        assert len(ends) == 1
        assert made[exchange.request_id][-1] == ends[0]


@given(journals())
def test_every_frame_reaches_its_exchange(journal: tuple[list[Scripted], list[Frame]]) -> None:
    exchanges, frames = journal
    made = by_exchange(whole(frames))
    for exchange in exchanges:
        request, *_, last = made[exchange.request_id]
        assert isinstance(request, RequestDraft)
        assert (request.body or b"") == exchange.body
        assert isinstance(last, ResponseCompleted) == (exchange.outcome == "completed")
        assert isinstance(last, ResponseCompleted) or last.ended_by == (exchange.outcome or "gateway_crash")  # type: ignore[union-attr]  # aborted


def test_an_unreadable_record_is_a_gap_and_the_stream_goes_on() -> None:
    batcher = Batcher(JOURNAL, STARTED_NS)
    one = UUID(int=1)
    for kind, payload in [(Kind.RESPONSE, b"no json"), (Kind.CHUNK, b"short"), (Kind.GAP, b"{}")]:
        batcher.feed(0, Frame(kind, one, 1, payload))
    reasons = [draft.reason for draft in batcher.take().drafts]  # type: ignore[union-attr]  # gaps all
    assert reasons == [
        "the request's record is lost",
        "unreadable record RESPONSE",
        "unreadable record CHUNK",
        "unreadable record GAP",
    ]


def test_unknown_names_what_was_never_met() -> None:
    batcher = Batcher(JOURNAL, STARTED_NS)
    batcher.feed(0, Frame(Kind.CHUNK, UUID(int=1), 1, bytes(8) + b"a"))
    assert batcher.unknown([UUID(int=1), UUID(int=2)]) == {UUID(int=2)}


def test_is_full_counts_events_and_bytes() -> None:
    batcher = Batcher(JOURNAL, STARTED_NS)
    batcher.feed(0, Frame(Kind.CHUNK, UUID(int=1), 1, bytes(8) + b"a" * 70_000))
    assert batcher.is_full(4, 70_001) is False
    assert batcher.is_full(3, 10**9)
    assert batcher.is_full(10, 70_000)
    batcher.take()
    assert not batcher.is_full(1, 1)


def test_only_so_many_ended_exchanges_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.batching, "_REMEMBERED", 2)
    batcher = Batcher(JOURNAL, STARTED_NS)
    for number in range(4):
        batcher.feed(number, Frame(Kind.CHUNK, UUID(int=number), 1, bytes(8) + b"a"))
    batcher.close()
    assert batcher.unknown(UUID(int=n) for n in range(4)) == {UUID(int=0), UUID(int=1)}
