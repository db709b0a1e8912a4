"""What is read of an exchange is what its events up to the bound say."""

import gzip
import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import Position
from domain.parts import cut
from domain.ports import UnreadableEvent
from domain.request_view import view_of_json
from projections.exchanges import DamagedEventError, Exchange, ExchangeReader, header
from schemas.stored.events import (
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    ResponseStarted,
)
from tests.fake_sources import FakeLog, FakePayloads
from tests.shipping import AT, completed, new_request_id, received, streamed

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
ANSWER = json.dumps(
    {"type": "message", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}
).encode()


def started(request_id: UUID, **headers: str) -> ResponseStarted:
    facts = tuple(HeaderFact(name=name.replace("_", "-"), value=value) for name, value in headers.items())
    place = {"originator_id": request_id, "originator_version": 2, "timestamp": AT}
    return ResponseStarted.model_validate(
        {**place, "origin": "upstream", "status": 200, "headers": facts, "elapsed_us": 1}
    )


def whole(request_id: UUID, payloads: FakePayloads, answer: bytes = ANSWER, **headers: str) -> list[ExchangeEvent]:
    body = cut(BODY, b"tenant".ljust(32))
    payloads.keep("tenant", body)
    payloads.answered[request_id] = answer
    return [
        received(request_id, body=body.reference),
        started(request_id, **headers),
        streamed(request_id, 3, 0, answer)[0],
        completed(request_id, 4),
    ]


async def read(log: FakeLog, payloads: FakePayloads, *ids: UUID, upto: int = 1000) -> list[Exchange]:
    return await ExchangeReader(log, payloads).read(ids, Position(upto))


async def test_a_whole_exchange() -> None:
    one, payloads = new_request_id(), FakePayloads()
    events = whole(one, payloads, content_type="application/json")
    [got] = await read(FakeLog(events), payloads, one)
    assert (got.request_id, got.position) == (one, 4)
    assert (got.request, got.response, got.end) == (events[0], events[1], events[3])
    assert got.view == view_of_json(BODY)
    assert got.message is not None
    assert got.message.stop_reason == "end_turn"


@given(st.integers(0, 4))
async def test_nothing_above_the_bound_is_known(upto: int) -> None:
    one, payloads = new_request_id(), FakePayloads()
    events = whole(one, payloads)
    got = await read(FakeLog(events), payloads, one, upto=upto)
    assert [(e.request is not None, e.response is not None, e.end is not None, e.message is not None) for e in got] == (
        [(upto >= 1, upto >= 2, upto >= 4, upto >= 4)] if upto else []
    )


async def test_the_position_is_that_of_the_newest_event_but_chunks() -> None:
    one, payloads = new_request_id(), FakePayloads()
    events = whole(one, payloads)[:3]
    assert isinstance(events[2], ChunkStreamed)
    [got] = await read(FakeLog(events), payloads, one)
    assert got.position == 2


async def test_an_answer_is_opened_and_one_that_cannot_be_is_left() -> None:
    packed, strange, payloads = new_request_id(), new_request_id(), FakePayloads()
    events = whole(packed, payloads, gzip.compress(ANSWER), content_encoding="gzip")
    events += whole(strange, payloads, content_encoding="secret")
    one, other = await read(FakeLog(events), payloads, packed, strange)
    assert one.message is not None
    assert one.message.whole
    assert other.message is None


async def test_heads_are_the_same_without_bodies() -> None:
    one, other, payloads = new_request_id(), new_request_id(), FakePayloads()
    log = FakeLog([*whole(one, payloads, content_type="application/json"), received(other)])
    heads = await ExchangeReader(log, payloads).heads([other, one], Position(4))
    [got] = await read(log, payloads, one)
    assert heads == [replace(got, view=None, message=None)]
    assert len(payloads.asked) == 1, "by the reading of all alone"


async def test_gaps_are_kept_and_a_request_may_be_missing() -> None:
    one, payloads = new_request_id(), FakePayloads()
    place = {"originator_id": one, "originator_version": 1, "timestamp": AT}
    gap = RecordingGap.model_validate({**place, "part": "request", "reason": "lost", "offset": 0, "byte_count": 0})
    [got] = await read(FakeLog([gap, completed(one, 2)]), payloads, one)
    assert (got.request, got.view, got.gaps) == (None, None, (gap,))
    assert got.end is not None
    assert got.message is None, "no byte of an answer is stored"


async def test_a_request_without_a_body_has_no_view() -> None:
    one = new_request_id()
    [got] = await read(FakeLog([received(one)]), FakePayloads(), one)
    assert got.view is None


@given(st.data())
async def test_what_is_remembered_is_what_would_be_read(data: st.DataObject) -> None:
    """Whoever asks for what, up to where, in which order: one reader for all says what a new one says."""
    payloads, streams = FakePayloads(), list[list[ExchangeEvent]]()
    for number in range(data.draw(st.integers(1, 3))):
        answer = ANSWER.replace(b"hello", b"hello %d" % number)
        streams.append(whole(new_request_id(), payloads, answer, content_type="application/json"))
    ids = [stream[0].originator_id for stream in streams]
    turns = data.draw(st.permutations([number for number, stream in enumerate(streams) for _ in stream]))
    log = FakeLog([streams[number].pop(0) for number in turns])
    reader = ExchangeReader(log, payloads)
    for _ in range(data.draw(st.integers(1, 6))):
        asked, upto = data.draw(st.sets(st.sampled_from(ids))), Position(data.draw(st.integers(0, len(turns))))
        assert await reader.read(asked, upto) == await ExchangeReader(log, payloads).read(asked, upto)


async def test_what_was_read_for_one_projection_is_not_read_for_the_next() -> None:
    one, payloads = new_request_id(), FakePayloads()
    log = FakeLog(whole(one, payloads, content_type="application/json"))
    reader = ExchangeReader(log, payloads)
    first = await reader.read([one], Position(1))
    payloads.asked.clear()
    [whole_now] = await reader.read([one], Position(4))
    assert payloads.asked == [], "the request was the same"
    assert whole_now.view is first[0].view
    payloads.answered.clear()
    assert (await reader.read([one], Position(4)))[0].message == whole_now.message
    assert (await reader.read([one], Position(2)))[0].message is None


async def test_an_exchange_with_other_events_than_before_is_read_anew() -> None:
    """A store that was restored may have other events at the same positions."""
    one, payloads = new_request_id(), FakePayloads()
    log = FakeLog(whole(one, payloads, content_type="application/json"))
    reader = ExchangeReader(log, payloads)
    await reader.read([one], Position(4))
    other = cut(BODY.replace(b"hi", b"ho"), b"tenant".ljust(32))
    payloads.keep("tenant", other)
    payloads.answered[one] = ANSWER.replace(b"hello", b"other")
    log.events = [
        received(one, body=other.reference),
        *log.events[1:3],
        completed(one, 4).model_copy(update={"byte_count": 7}),
    ]
    [got] = await reader.read([one], Position(4))
    assert got == (await ExchangeReader(log, payloads).read([one], Position(4)))[0]
    assert got.message is not None
    assert got.message.content[0]["text"] == "other"


async def test_a_damaged_event_makes_its_exchange_unreadable() -> None:
    one = new_request_id()
    log = FakeLog([received(one), UnreadableEvent(one, 2, "response-completed")])
    with pytest.raises(DamagedEventError, match="Event 2"):
        await ExchangeReader(log, FakePayloads()).read([one], Position(2))


def test_header_lines_are_joined_and_what_is_not_kept_is_no_value() -> None:
    lines = [HeaderFact(name="A", value="1"), HeaderFact(name="a", value="2"), HeaderFact(name="b", length=3)]
    assert (header(lines, "a"), header(lines, "b"), header(lines, "c")) == ("1, 2", "", "")
