"""What is commanded is done, in order; whatever breaks, the journal gets its end and upstream is let go."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec
import pytest

from gateway.answers import AnswerHead
from gateway.conductor import Conductor, Means
from gateway.error_replies import Refusal
from gateway.exchange import SLICE_BYTES, Exchange, RequestRead, State
from gateway.frames import MAX_PIECE_BYTES, Kind, decode_piece
from gateway.headers import HeaderLines, HeaderMap, to_facts
from gateway.journal import NullJournal, Records
from gateway.metrics import Metrics
from gateway.recorder import Recorder, RecordingMeans
from gateway.records import EndRecord, RequestRecord, ResponseRecord
from gateway.upstream import AnswerSink, UpstreamError, UpstreamRequest
from gateway.wire_response import ClientLostError, WireResponse
from tests.gateway.test_recorder import counted
from tests.waiting import until

ID = "01990000-0000-7000-8000-000000000001"
READ = RequestRead(RequestRecord(1, "pass_through", "POST", "/", (), "here", 4), b"body")
REQUEST = UpstreamRequest("POST", b"/", (), b"body")
WAIT = "wait"
"""In a script: nothing more comes."""


@dataclass
class Stage:
    """A journal, an upstream and a client that write down what happens to them, in one list."""

    script: Sequence[bytes | str | Exception] = ()
    length: int | None = None
    on_disk: bool = True
    open_error: BaseException | None = None
    congested: bool = False
    reads_again: bool = True
    lost_at: bytes | None = None
    """The client is gone when these bytes are sent to it."""
    said: list[str] = field(default_factory=list)
    records: list[tuple[Kind, bytes]] = field(default_factory=list)
    together: list[list[str]] = field(default_factory=list)
    """Records that came in one call."""
    stopping: bool = False
    metrics: Metrics = field(default_factory=lambda: Metrics(lambda: 0))

    # the journal
    trouble = None

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        assert exchange == b"i" * 16
        self.records.append((kind, payload))
        self.said.append(kind.name)

    async def sync(self, deadline_s: float) -> bool:
        assert deadline_s == 0.05
        self.said.append("sync")
        return self.on_disk

    # the upstream, and its answer
    async def open(self, request: UpstreamRequest) -> "Stage":
        assert request.target == REQUEST.target
        self.said.append("open")
        if self.open_error is not None:
            raise self.open_error
        return self

    headers: HeaderLines = ((b"request-id", b"req_1"),)
    told: HeaderMap = field(default_factory=lambda: {b"request-id": b"req_1"})

    @property
    def head(self) -> AnswerHead:
        return AnswerHead(200, b"OK", self.headers, self.length)

    async def close(self) -> None:
        raise AssertionError("nobody closes the way to the upstream")

    # the client
    async def wait_until_read(self, deadline_s: float) -> None:
        assert deadline_s == 7
        self.said.append("wait for the client")
        if not self.reads_again:
            raise ClientLostError("the client does not read")
        self.congested = False

    def send_head(self, head: AnswerHead) -> None:
        self.said.append(f"head {head.status}")

    def uncork(self) -> None:
        self.said.append("uncork")

    def send(self, data: bytes) -> None:
        if data == self.lost_at:
            raise ClientLostError(unsent=len(data))
        self.said.append(f"send {data.decode()}")

    def finish(self) -> None:
        self.said.append("finish")

    def cut(self) -> None:
        self.said.append("cut")
        self.congested = False

    # all together
    def conductor(self) -> Conductor:
        means = Means(_Upstream(self), self.metrics, 7, lambda: self.stopping)
        recorder = Recorder(RecordingMeans(_Journal(self), to_facts(b"k"), self.metrics), b"i" * 16)
        self.exchange = Exchange(ID)
        return Conductor(means, self.exchange, recorder, cast("WireResponse", self))

    async def play(self) -> None:
        conductor = self.conductor()
        conductor.take(READ, REQUEST)
        await conductor.conduct()

    @property
    def end(self) -> EndRecord:
        (payload,) = [payload for kind, payload in self.records if kind is Kind.END]
        return msgspec.json.decode(payload, type=EndRecord)


class _Journal(NullJournal):
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        self._stage.record(kind, exchange, payload)

    def record_together(self, exchange: bytes, records: Records) -> None:
        self._stage.together.append([kind.name for kind, _ in records])
        super().record_together(exchange, records)

    async def sync(self, deadline_s: float) -> bool:
        return await self._stage.sync(deadline_s)


class _Upstream:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def open(self, request: UpstreamRequest) -> "_Answer":
        await self._stage.open(request)
        return _Answer(self._stage)

    async def close(self) -> None: ...


class _Answer:
    """Says what stands in the script, as fast as its sink takes it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.head, self.headers, self.told = stage.head, stage.headers, stage.told
        self._rest = [*stage.script, b""]
        self._flows = False

    def flow(self, sink: AnswerSink) -> None:
        self._sink = sink
        self.resume()

    def pause(self) -> None:
        self._stage.said.append("pause")
        self._flows = False

    def resume(self) -> None:
        self._stage.said.append("flow")
        self._flows = True
        while self._flows and self._rest and self._rest[0] != WAIT:
            self._say(self._rest.pop(0))

    def _say(self, following: bytes | str | Exception) -> None:
        if isinstance(following, UpstreamError):
            self._sink.failed(following)
        elif isinstance(following, bytes) and following:
            self._sink.received(following)
        else:
            self._sink.ended()

    def close(self) -> None:
        self._stage.said.append("close upstream")
        self._flows = False


STORED = ["REQUEST", "REQUEST_BODY", "sync", "FORWARDED", "open", "head 200"]


async def test_an_exchange_is_carried_out_in_order() -> None:
    stage = Stage([b"one", b"two"])
    await stage.play()
    assert stage.said == [
        *STORED,
        "flow",
        "RESPONSE", "CHUNK", "send one",
        "CHUNK", "send two",
        "END", "pause", "sync", "finish",
    ]  # fmt: skip
    assert [decode_piece(payload) for kind, payload in stage.records if kind is Kind.CHUNK] == [
        (0, b"one"),
        (3, b"two"),
    ]
    (response,) = [payload for kind, payload in stage.records if kind is Kind.RESPONSE]
    assert msgspec.json.decode(response, type=ResponseRecord).upstream_request_id == "req_1"
    assert stage.end == EndRecord("completed", 6, 6)
    metrics = stage.metrics
    assert counted(metrics, 'nexus_exchanges_total{outcome="completed"}') == 1
    assert counted(metrics, 'nexus_requests_total{status="2xx"}') == 1
    assert counted(metrics, "nexus_request_bytes_total") == 4
    assert counted(metrics, "nexus_response_bytes_total") == 6
    assert counted(metrics, "nexus_deferred_total") == 0
    assert counted(metrics, 'nexus_added_latency_seconds_count{phase="request"}') == 1
    assert counted(metrics, 'nexus_added_latency_seconds_count{phase="answer"}') == 1


async def test_a_head_leaves_before_a_read_that_waits_and_not_before_one_that_does_not() -> None:
    stage = Stage([b"one", WAIT])
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(stage.play())
        await until(lambda: stage.said[-1:] == ["uncork"])
        playing.cancel()
    assert stage.said[len(STORED) : -3] == ["flow", "RESPONSE", "CHUNK", "send one", "uncork"]


async def test_a_head_that_leaves_alone_is_recorded_first() -> None:
    stage = Stage([WAIT])
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(stage.play())
        await until(lambda: stage.said[-1:] == ["uncork"])
        playing.cancel()
    assert stage.said[len(STORED) : -3] == ["flow", "RESPONSE", "uncork"]


async def test_a_head_is_recorded_before_the_client_is_waited_for() -> None:
    stage = Stage([b"one"])
    conductor = stage.conductor()

    def send_head(head: AnswerHead) -> None:
        stage.said.append(f"head {head.status}")
        stage.congested = True

    stage.send_head = send_head  # type: ignore[method-assign]
    conductor.take(READ, REQUEST)
    await conductor.conduct()
    assert stage.said[len(STORED) :][:3] == ["RESPONSE", "wait for the client", "flow"]


async def test_what_is_recorded_at_the_same_time_is_written_together() -> None:
    stage = Stage([b"last"], length=4)
    await stage.play()
    assert stage.together == [["REQUEST", "REQUEST_BODY"], ["RESPONSE", "CHUNK", "END"]]


async def test_a_slow_disk_is_counted_and_passed() -> None:
    stage = Stage([b"x"], on_disk=False)
    await stage.play()
    assert stage.end.outcome == "completed"
    assert counted(stage.metrics, "nexus_deferred_total") == 2
    (forwarded,) = [payload for kind, payload in stage.records if kind is Kind.FORWARDED]
    assert msgspec.json.decode(forwarded) == {"deferred": True}


async def test_an_upstream_that_fails_is_answered_for() -> None:
    stage = Stage(open_error=UpstreamError("upstream", "connection refused"))
    await stage.play()
    assert stage.said[4:9] == ["open", "RESPONSE", "CHUNK", "END", "sync"]
    assert stage.said[9] == "head 502"
    assert stage.said[-1] == "finish"
    assert (stage.end.outcome, stage.end.detail) == ("upstream", "connection refused")
    assert counted(stage.metrics, 'nexus_requests_total{status="5xx"}') == 1


async def test_a_request_that_cannot_be_signed_is_answered_with_the_reason() -> None:
    stage = Stage(open_error=UpstreamError("upstream", "no credential", Refusal(403, "Add one.")))
    await stage.play()
    assert stage.said[9] == "head 403"
    assert (stage.end.outcome, stage.end.detail) == ("upstream", "no credential")


async def test_an_upstream_that_breaks_off_cuts_the_client() -> None:
    stage = Stage([b"one", UpstreamError("timeout", "no bytes")])
    await stage.play()
    assert stage.said[-4:] == ["END", "cut", "close upstream", "pause"]
    assert stage.end == EndRecord("timeout", 3, 3, "no bytes")


async def test_upstream_is_not_read_while_the_client_does_not_read() -> None:
    stage = Stage([b"one"], congested=True)
    await stage.play()
    assert stage.said.index("wait for the client") < stage.said.index("open")
    assert stage.end.outcome == "completed"


async def test_an_answer_pauses_when_the_client_is_behind_and_flows_on_when_it_has_read() -> None:
    stage = Stage([b"one", b"two"])
    conductor = stage.conductor()

    def send(data: bytes) -> None:
        stage.said.append(f"send {data.decode()}")
        stage.congested = data == b"one"

    stage.send = send  # type: ignore[method-assign]
    conductor.take(READ, REQUEST)
    await conductor.conduct()
    assert stage.said[len(STORED) :] == [
        "flow", "RESPONSE", "CHUNK", "send one", "pause", "wait for the client",
        "flow", "CHUNK", "send two", "END", "pause", "sync", "finish",
    ]  # fmt: skip


async def test_a_mistake_while_it_streams_reaches_the_task_of_the_exchange_and_not_upstreams_connection() -> None:
    stage = Stage([b"one", b"two"])
    conductor = stage.conductor()

    def send(data: bytes) -> None:
        raise ZeroDivisionError(data)

    stage.send = send  # type: ignore[method-assign]
    conductor.take(READ, REQUEST)
    with pytest.raises(ZeroDivisionError):
        await conductor.conduct()
    assert stage.end == EndRecord("shutdown", 3, 3, "internal error")
    assert stage.said[-2:] == ["cut", "close upstream"]


async def test_while_a_large_body_is_recorded_others_get_their_turn() -> None:
    stage, turns = Stage(), list[int]()
    conductor, body = stage.conductor(), bytes(5 * SLICE_BYTES // 2)
    conductor.take(RequestRead(READ.record, body), REQUEST)

    async def others() -> None:
        while "sync" not in stage.said:
            turns.append(stage.said.count("REQUEST_BODY"))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conductor.conduct())
        tasks.create_task(others())
    steps = SLICE_BYTES // MAX_PIECE_BYTES
    assert turns == [steps, 2 * steps]
    pieces = [decode_piece(payload) for kind, payload in stage.records if kind is Kind.REQUEST_BODY]
    assert b"".join(data for _, data in pieces) == body
    assert stage.said.index("sync") < stage.said.index("open")


async def test_a_client_that_never_reads_again_is_given_up() -> None:
    stage = Stage([b"one", b"two"])
    conductor = stage.conductor()

    def send(data: bytes) -> None:
        stage.said.append(f"send {data.decode()}")
        stage.congested, stage.reads_again = True, False

    stage.send = send  # type: ignore[method-assign]
    conductor.take(READ, REQUEST)
    await conductor.conduct()
    assert "send two" not in stage.said
    assert stage.end == EndRecord("client", 3, 3, "the client does not read")
    assert stage.said[-1] == "close upstream"
    assert "cut" in stage.said


async def test_a_client_that_is_gone_when_it_is_sent_to_did_not_get_those_bytes() -> None:
    stage = Stage([b"one", b"four", b"more"], lost_at=b"four")
    await stage.play()
    assert stage.end == EndRecord("client", 7, 3)
    assert stage.said[-4:] == ["END", "cut", "close upstream", "pause"]


async def test_a_client_that_is_lost_with_the_last_bytes_is_cut() -> None:
    stage = Stage([b"last"], length=4, lost_at=b"last")
    await stage.play()
    assert stage.end.outcome == "completed"
    assert stage.said[-1] == "cut"
    assert stage.exchange.state is State.OVER


@pytest.mark.parametrize(("stopping", "outcome"), [(False, "client"), (True, "shutdown")])
async def test_a_cancelled_exchange_was_left_by_its_client_or_stopped_by_us(outcome: str, *, stopping: bool) -> None:
    stage = Stage([b"one", WAIT], stopping=stopping)
    playing = asyncio.ensure_future(stage.play())
    await until(lambda: "send one" in stage.said)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert stage.end == EndRecord(outcome, 3, 3)  # type: ignore[arg-type]
    assert stage.said[-3:] == ["END", "cut", "close upstream"]
    assert counted(stage.metrics, f'nexus_exchanges_total{{outcome="{outcome}"}}') == 1


@pytest.mark.parametrize("last", [b"last", ZeroDivisionError()])
async def test_what_comes_after_a_cancel_and_before_its_task_has_its_turn_harms_nobody(last: bytes | Exception) -> None:
    stage = Stage([b"one", WAIT], stopping=True)
    conductor = stage.conductor()

    def send(data: bytes) -> None:
        if data == last or (data == b"more" and isinstance(last, Exception)):
            raise ClientLostError if isinstance(last, bytes) else last
        stage.said.append(f"send {data.decode()}")

    stage.send = send  # type: ignore[method-assign]
    conductor.take(READ, REQUEST)
    playing = asyncio.ensure_future(conductor.conduct())
    await until(lambda: "send one" in stage.said)
    playing.cancel()
    conductor.received(last if isinstance(last, bytes) else b"more")
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert stage.said.count("END") == 1
    assert stage.exchange.state is State.OVER


async def test_a_stop_while_the_end_is_synced_lets_the_answer_out_even_if_nobody_takes_it() -> None:
    stage = Stage([b"last"], length=4, stopping=True, lost_at=b"last")
    synced = list[None]()

    async def sync(_: float) -> bool:
        synced.append(None)
        if len(synced) == 2:
            await asyncio.Event().wait()
        return True

    stage.sync = sync  # type: ignore[assignment, method-assign]
    playing = asyncio.ensure_future(stage.play())
    await until(lambda: len(synced) == 2)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert stage.end.outcome == "completed"
    assert stage.said[-1] == "cut"


async def test_a_mistake_of_ours_still_ends_the_exchange_and_is_not_hidden() -> None:
    stage = Stage(open_error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await stage.play()
    assert stage.end == EndRecord("shutdown", 0, 0, "internal error")
    assert stage.said[-1] == "cut"


async def test_a_request_body_is_let_go_when_it_is_sent() -> None:
    stage = Stage([b"one", WAIT])
    conductor = stage.conductor()

    def take() -> bytes:
        body = bytes(100_000)
        conductor.take(RequestRead(READ.record, body), UpstreamRequest("POST", b"/", (), body))
        return body

    body = take()
    playing = asyncio.ensure_future(conductor.conduct())
    await until(lambda: "send one" in stage.said)
    assert sys.getrefcount(body) == 2, "this name and the question's"
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
