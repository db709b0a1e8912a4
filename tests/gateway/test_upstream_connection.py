"""One exchange at a time passes over a connection; nothing of it is left behind when the next one begins."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.upstream import UpstreamError
from gateway.upstream_connection import StaleConnectionError, UpstreamConnection, WireAnswer
from tests.gateway.test_upstream_flow import Sink
from tests.waiting import until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Wire:
    """A transport that writes down what is done with it."""

    sent: list[bytes] = field(default_factory=list)
    reads: bool = True
    pauses: int = 0
    resumes: int = 0
    aborted: bool = False
    waiting: int = 0
    """Bytes that have not gone."""
    wrote: Callable[[], None] = lambda: None

    def write(self, data: bytes | memoryview) -> None:
        self.sent.append(bytes(data))
        self.wrote()

    def pause_reading(self) -> None:
        assert self.reads, "aiohttp's and asyncio's transports take it once"
        self.reads = False
        self.pauses += 1

    def resume_reading(self) -> None:
        assert not self.reads
        self.reads = True
        self.resumes += 1

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> tuple[str, int]:
        assert name == "peername"
        return "93.184.216.34", 443


class Stage:
    """A connection between a transport and its owner."""

    def __init__(self, idle_s: float = 60) -> None:
        self.said: list[str] = []
        self.wire = Wire()
        self.connection = UpstreamConnection(
            idle_s, lambda _: self.said.append("rests"), lambda _: self.said.append("lost")
        )
        self.connection.connection_made(cast("asyncio.BaseTransport", self.wire))

    def ask(self, body: bytes = b"") -> WireAnswer:
        return self.connection.ask("POST", b"head", body)

    def hear(self, said: bytes) -> None:
        self.connection.data_received(said)


async def test_small_bodies_leave_with_their_head_and_large_ones_as_fast_as_they_go() -> None:
    stage = Stage()
    stage.ask(b"body")
    assert stage.wire.sent == [b"headbody"]
    stage, body = Stage(), bytes(range(256)) * 4096
    stage.wire.wrote = lambda: stage.connection.pause_writing() if len(stage.wire.sent) > 1 else None
    stage.ask(body)
    assert [len(one) for one in stage.wire.sent] == [4, 256 * 1024]
    while sum(map(len, stage.wire.sent)) < 4 + len(body):
        stage.connection.resume_writing()
    assert b"".join(stage.wire.sent) == b"head" + body
    assert len(stage.wire.sent) == 5


async def test_an_answer_before_the_whole_body_has_gone_ends_the_connection() -> None:
    stage = Stage()
    stage.wire.wrote = stage.connection.pause_writing
    stage.ask(bytes(1_000_000))
    stage.hear(HEAD + b"hello")
    stage.connection.resume_writing()
    assert stage.wire.aborted
    assert stage.said == []
    assert sum(map(len, stage.wire.sent)) < 1_000_000
    stage = Stage()
    stage.wire.waiting = 1
    stage.ask()
    stage.hear(HEAD + b"hello")
    assert stage.wire.aborted


async def test_the_last_bytes_are_out_of_reach_before_the_connection_is_used_again() -> None:
    """The next request is sent the moment the connection rests: each answer still gets its own bytes, all of them."""
    stage = Stage()
    answers, sinks = list[WireAnswer](), list[Sink]()

    def ask_again(_: object) -> None:
        if len(answers) < 50:
            answers.append(stage.ask())
            sinks.append(Sink(answers[-1]))
            answers[-1].flow(sinks[-1])

    stage.connection._rested = ask_again
    ask_again(None)
    for number in range(50):
        body = b"%05d" % number
        stage.hear(STREAM + b"3\r\n" + body[:3] + b"\r\n")
        stage.hear(b"2\r\n" + body[3:] + b"\r\n0\r\n\r\n")
        assert sinks[number].heard == [body[:3], body[3:], "end"]


async def test_what_nobody_asked_for_closes_the_connection() -> None:
    stage = Stage()
    answer = stage.ask()
    stage.hear(HEAD + b"hello")
    await answer.opened
    assert stage.said == ["rests"]
    stage.hear(b"HTTP/1.1 200 OK\r\n")
    assert stage.wire.aborted


async def test_a_pause_stops_reading_and_what_comes_nevertheless_waits() -> None:
    stage = Stage()
    answer = stage.ask()
    sink = Sink(answer)
    stage.hear(STREAM + b"1\r\na\r\n")
    answer.flow(sink)
    answer.pause()
    answer.pause()
    assert stage.wire.pauses == 1
    stage.hear(b"1\r\nb\r\n0\r\n\r\n")  # TLS had it already
    assert stage.wire.reads, "the connection is free for others"
    assert sink.heard == [b"a"]
    stage.ask()
    answer.resume()
    answer.close()
    assert sink.heard == [b"a", b"b", "end"]
    assert not stage.wire.aborted, "it is not this answer's any more"


async def test_a_flood_lets_others_have_their_turn_between_two_reads() -> None:
    stage = Stage()
    answer = stage.ask()
    sink = Sink(answer)
    stage.hear(STREAM)
    answer.flow(sink)
    flood = b"%x\r\n%b\r\n" % (200_000, bytes(200_000))
    stage.hear(flood)
    assert stage.wire.pauses == 1
    await until(lambda: stage.wire.reads, "the next turn of the loop")
    stage.hear(flood)
    answer.pause()
    await asyncio.sleep(0)
    assert stage.wire.resumes == 1, "a sink that wants no more is stronger"
    answer.resume()
    assert stage.wire.resumes == 2
    assert sink.heard == [bytes(200_000)] * 2


@pytest.mark.parametrize("exc", [None, ConnectionResetError()])
async def test_only_a_used_connection_that_said_nothing_is_stale(exc: Exception | None) -> None:
    stage = Stage()
    first = stage.ask()
    stage.connection.connection_lost(exc)
    with pytest.raises(UpstreamError) as failed:
        await first.opened
    assert not isinstance(failed.value, StaleConnectionError), "it was a fresh one"
    for said in (b"", b"H"):
        stage = Stage()
        stage.ask()
        stage.hear(HEAD + b"hello")
        second = stage.ask()
        if said:
            stage.hear(said)
        stage.connection.connection_lost(exc)
        with pytest.raises(UpstreamError) as failed:
            await second.opened
        assert isinstance(failed.value, StaleConnectionError) == (not said)
        assert failed.value.detail == "connection lost"
        third = stage.ask()
        with pytest.raises(UpstreamError):
            await third.opened


@pytest.mark.parametrize(
    ("said", "exc", "end"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None, "end"),
        (b"HTTP/1.1 200 OK\r\n\r\n", ConnectionResetError(), "connection lost"),
        (STREAM, None, "broke off in the middle of the answer"),
        (HEAD, None, "broke off in the middle of the answer"),
        (HEAD, ConnectionResetError(), "connection lost"),
    ],
)
async def test_a_lost_connection_ends_an_answer_or_breaks_it(said: bytes, exc: Exception | None, end: str) -> None:
    stage = Stage()
    answer = stage.ask()
    sink = Sink(answer)
    stage.hear(said)
    answer.flow(sink)
    stage.connection.connection_lost(exc)
    (heard,) = sink.heard
    assert (heard.detail if isinstance(heard, UpstreamError) else heard) == end
    assert stage.said == ["lost"]


async def test_silence_is_a_timeout_but_not_while_nobody_listens() -> None:
    stage = Stage(idle_s=0.02)
    answer = stage.ask()
    stage.hear(STREAM)
    sink = Sink(answer)
    answer.flow(sink)
    answer.pause()
    await until(lambda: stage.connection._watch is None, "the watch to look and see that nobody listens")
    assert not stage.wire.aborted
    answer.resume()
    await until(lambda: stage.wire.aborted, "silence to be noticed")
    (heard,) = sink.heard
    assert isinstance(heard, UpstreamError)
    assert (heard.outcome, heard.detail) == ("timeout", "no bytes for too long")


async def test_at_rest_silence_is_no_timeout() -> None:
    stage = Stage(idle_s=0.01)
    stage.ask()
    stage.hear(HEAD + b"hello")
    await until(lambda: stage.connection._watch is None, "the watch to look and see that nothing is awaited")
    assert not stage.wire.aborted
    assert stage.said == ["rests"]


async def test_a_public_address_does_not_lead_inside() -> None:
    assert not Stage().connection.leads_inside
    assert UpstreamConnection(1, lambda _: None, lambda _: None).leads_inside, "who knows where"
