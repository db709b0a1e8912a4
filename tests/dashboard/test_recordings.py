"""What is recorded comes back byte for byte, also while it is open, and what is gone is said to be gone."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.recordings import Recordings, Stream
from domain.errors import PayloadMissingError
from domain.ids import Position
from domain.parts import cut, put_together
from domain.ports import Recorded
from schemas.stored.events import (
    BodyReference,
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)
from tests.shipping import AT, completed, received, streamed

REQUEST = UUID(int=7)
SCOPE_KEY = bytes(32)


@dataclass(frozen=True)
class Foreign:
    """An event of a newer Nexus."""

    originator_id: UUID = REQUEST
    originator_version: int = 9
    topic: str = "something-new"


@dataclass
class FakeLog:
    """One stream."""

    events: list[ExchangeEvent | Foreign] = field(default_factory=list)

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        return [
            Recorded(Position(100 + number), event)
            for number, event in enumerate(self.events)
            if event.originator_id == originator_id
        ]

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        raise AssertionError("nobody reads the whole log here")

    async def streams(
        self, originator_ids: Collection[UUID], upto: Position, topics: Sequence[str]
    ) -> Mapping[UUID, Sequence[Recorded]]:
        raise AssertionError("one stream at a time")

    async def newest(self) -> Position:
        return Position(0)

    async def wakeups(self) -> AsyncIterator[None]:
        yield


@dataclass
class FakePayloads:
    """Parts and answers in dictionaries."""

    stored: dict[bytes, bytes] = field(default_factory=dict)
    recorded: dict[UUID, bytes] = field(default_factory=dict)

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        return {one: self.stored[one[1]] for one in wanted if one[1] in self.stored}

    async def scope_key(self, scope: str) -> bytes:
        return SCOPE_KEY

    async def body(self, scope: str, reference: BodyReference) -> bytes:
        try:
            return put_together(reference, SCOPE_KEY, self.stored.__getitem__)
        except KeyError:
            raise PayloadMissingError from None

    async def answers(self, request_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        return {one: self.recorded[one] for one in request_ids if one in self.recorded}


@dataclass
class Case:
    """One recorded exchange."""

    log: FakeLog = field(default_factory=FakeLog)
    payloads: FakePayloads = field(default_factory=FakePayloads)

    @property
    def recordings(self) -> Recordings:
        return Recordings(self.log, self.payloads)

    def sent(self, body: bytes, **changes: object) -> None:
        made = cut(body, SCOPE_KEY)
        self.payloads.stored |= {key: part.data for key, part in made.parts.items()}
        event = received(REQUEST, body=made.reference)
        self.log.events.append(event.model_copy(update={"byte_count": len(body), **changes}))

    def answered(self, *runs: bytes) -> None:
        offset = 0
        for data in runs:
            event, run = streamed(REQUEST, len(self.log.events) + 1, offset, data)
            self.log.events.append(event)
            self.payloads.recorded[REQUEST] = self.payloads.recorded.get(REQUEST, b"") + run.data
            offset += len(data)


def started(**headers: str) -> ResponseStarted:
    facts = tuple(HeaderFact(name=name.replace("_", "-").title(), value=value) for name, value in headers.items())
    return ResponseStarted(
        originator_id=REQUEST,
        originator_version=2,
        timestamp=AT,
        origin="upstream",
        status=200,
        headers=facts,
        elapsed_us=5,
    )


def gap(part: str, missing: int, version: int = 8) -> RecordingGap:
    return RecordingGap(
        originator_id=REQUEST,
        originator_version=version,
        timestamp=AT,
        part=part,
        reason="disk full",
        offset=0,
        byte_count=missing,
    )


def aborted(by: str) -> ResponseAborted:
    return ResponseAborted(
        originator_id=REQUEST,
        originator_version=9,
        timestamp=AT,
        ended_by=by,
        byte_count=0,
        delivered=None,
        elapsed_us=None,
    )


@given(st.binary(max_size=300), st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.booleans())
async def test_bytes_come_back_as_they_were_open_or_not(body: bytes, runs: list[bytes], over: bool) -> None:
    case = Case()
    case.sent(body)
    case.answered(*runs)
    if over:
        case.log.events.append(completed(REQUEST, 9))
    asked, got = await case.recordings.request_bytes(REQUEST), await case.recordings.response_bytes(REQUEST)
    assert asked is not None
    assert got is not None
    assert (asked.data, got.data) == (body, b"".join(runs))
    assert asked.outcome == got.outcome == ("completed" if over else "open")


@pytest.mark.parametrize("by", ["client", "upstream", "timeout", "shutdown", "gateway_crash"])
async def test_the_outcome_is_who_ended_it(by: str) -> None:
    case = Case()
    case.sent(b"{}")
    case.answered(b"half an ans")
    case.log.events.append(aborted(by))
    got = await case.recordings.response_bytes(REQUEST)
    assert got is not None
    assert (got.data, got.outcome) == (b"half an ans", by)


async def test_nobody_knows_an_unknown_exchange() -> None:
    case = Case()
    case.sent(b"{}")
    unknown = UUID(int=8)
    assert await case.recordings.stream(unknown) is None
    assert await case.recordings.request_bytes(unknown) is None
    assert await case.recordings.response_bytes(unknown) is None
    assert await case.recordings.event_items(unknown) == []


async def test_an_erased_body_is_said_to_be_gone_and_the_answer_still_there() -> None:
    case = Case()
    case.sent(b"{}")
    case.answered(b"yes")
    case.payloads.stored.clear()
    with pytest.raises(PayloadMissingError):
        await case.recordings.request_bytes(REQUEST)
    assert await case.recordings.response_bytes(REQUEST) is not None


@pytest.mark.parametrize("left", [None, b"", b"ye"])
async def test_an_erased_answer_is_said_to_be_gone(left: bytes | None) -> None:
    case = Case()
    case.sent(b"{}")
    case.answered(b"yes")
    case.payloads.recorded = {} if left is None else {REQUEST: left}
    with pytest.raises(PayloadMissingError):
        await case.recordings.response_bytes(REQUEST)
    assert await case.recordings.request_bytes(REQUEST) is not None


async def test_what_was_stored_since_the_stream_was_read_is_there_too() -> None:
    case = Case()
    case.sent(b"{}")
    case.answered(b"yes")
    case.payloads.recorded[REQUEST] += b" and more"
    got = await case.recordings.response_bytes(REQUEST)
    assert got is not None
    assert got.data == b"yes and more"


async def test_a_request_without_a_body_and_an_answer_without_a_byte_are_empty() -> None:
    case = Case()
    case.log.events.append(received(REQUEST))
    asked, got = await case.recordings.request_bytes(REQUEST), await case.recordings.response_bytes(REQUEST)
    assert asked is not None
    assert got is not None
    assert (asked.data, asked.missing_bytes, got.data, got.missing_bytes) == (b"", 0, b"", 0)


async def test_what_could_not_be_kept_is_counted_on_its_side() -> None:
    case = Case()
    case.log.events += [received(REQUEST), gap("request", 10), gap("response", 3), gap("response", 4)]
    asked, got = await case.recordings.request_bytes(REQUEST), await case.recordings.response_bytes(REQUEST)
    assert asked is not None
    assert got is not None
    assert (asked.missing_bytes, got.missing_bytes) == (10, 7)


async def test_a_gap_alone_is_an_exchange() -> None:
    case = Case()
    case.log.events.append(gap("request", 5, version=1))
    asked = await case.recordings.request_bytes(REQUEST)
    assert asked is not None
    assert (asked.data, asked.outcome, asked.content_type) == (b"", "open", "")


async def test_content_type_and_coding_are_those_of_its_own_side() -> None:
    case = Case()
    headers = (HeaderFact(name="Content-Type", value="application/json"), HeaderFact(name="Cookie", length=9))
    case.sent(b"{}", headers=headers)
    case.log.events.append(started(content_type="text/event-stream", content_encoding="br"))
    asked, got = await case.recordings.request_bytes(REQUEST), await case.recordings.response_bytes(REQUEST)
    assert asked is not None
    assert got is not None
    assert (asked.content_type, asked.content_encoding) == ("application/json", "")
    assert (got.content_type, got.content_encoding) == ("text/event-stream", "br")


async def test_the_stream_is_told_without_payload_and_without_the_unknown() -> None:
    case = Case()
    case.sent(b"{}")
    case.answered(b"yes")
    case.log.events += [Foreign(), completed(REQUEST, 10)]
    items = await case.recordings.event_items(REQUEST)
    assert [(item.position, item.version, item.topic) for item in items] == [
        (100, 1, "request-received"),
        (101, 2, "chunk-streamed"),
        (103, 10, "response-completed"),
    ]
    assert all(item.timestamp == AT for item in items)
    assert items[1].data == {"offset": 0, "lengths": [3], "arrivals_us": [2]}
    assert "originator_id" not in items[0].data


def test_a_stream_finds_its_events() -> None:
    events: list[ExchangeEvent] = [received(REQUEST), started(), streamed(REQUEST, 3, 0, b"abc")[0], gap("response", 2)]
    stream = Stream(events)
    assert isinstance(stream.received, RequestReceived)
    assert isinstance(stream.started, ResponseStarted)
    assert stream.ended is None
    assert [type(run) for run in stream.runs] == [ChunkStreamed]
    assert (stream.answer_bytes, stream.missing_bytes("response"), stream.missing_bytes("request")) == (3, 2, 0)
    assert isinstance(Stream([*events, completed(REQUEST, 9)]).ended, ResponseCompleted)
