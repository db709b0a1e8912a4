"""What is read of an exchange is what its events up to the bound say."""

import gzip
import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import Position
from domain.parts import cut
from domain.request_view import view_of_json
from projections.exchanges import Exchange, ExchangeReader, header
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


def test_header_lines_are_joined_and_what_is_not_kept_is_no_value() -> None:
    lines = [HeaderFact(name="A", value="1"), HeaderFact(name="a", value="2"), HeaderFact(name="b", length=3)]
    assert (header(lines, "a"), header(lines, "b"), header(lines, "c")) == ("1, 2", "", "")
