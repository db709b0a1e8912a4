"""How does one exchange pass over one connection to upstream? Our bytes out; its bytes read and handed on at once.

A connection serves one exchange at a time. When an answer is complete the connection is loosed from it first, and only
then are the answer's last bytes handed on: whatever the connection does next, they are already out of its reach.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from functools import cached_property
from typing import cast

from gateway.answers import AnswerHead
from gateway.headers import HeaderLines, HeaderMap
from gateway.upstream import UpstreamError
from gateway.upstream_flow import Flow
from gateway.upstream_reading import AnswerReader

_JOINED_BYTES = 64 * 1024
"""A body up to this size is copied behind its head, to leave in one write."""
_SLICE_BYTES = 256 * 1024
"""Of a larger body, handed to the transport in one go. The next follows when it has gone: TLS works on what it gets."""
_FLOOD_BYTES = 128 * 1024
"""Who sends this much in one read may send without end: others have their turn before the next read."""


class StaleConnectionError(UpstreamError):
    """It was kept alive too long: upstream had closed it and never saw the request."""


class WireAnswer(Flow):
    """An answer that is coming in over a connection."""

    def __init__(self, connection: "UpstreamConnection", reader: AnswerReader, opened: "asyncio.Future[None]") -> None:
        super().__init__()
        self._connection, self._reader = connection, reader
        self.opened = opened
        """The head has come. Raises UpstreamError."""

    @property
    def head(self) -> AnswerHead:
        assert self._reader.head is not None
        return self._reader.head

    @property
    def headers(self) -> HeaderLines:
        return self._reader.headers

    @property
    def told(self) -> HeaderMap:
        return self._reader.told

    def pause(self) -> None:
        super().pause()
        self._connection.pause(self)

    def resume(self) -> None:
        self._connection.resume(self)
        super().resume()

    def close(self) -> None:
        super().close()
        self._connection.give_up(self)

    def end(self, failure: UpstreamError | None = None) -> None:
        if failure is not None and not self.opened.done():
            self.opened.set_exception(failure)
        else:
            super().end(failure)


class UpstreamConnection(asyncio.Protocol):
    """A connection that knows what passed over it."""

    def __init__(
        self,
        idle_s: float,
        rested: Callable[["UpstreamConnection"], None],
        lost: Callable[["UpstreamConnection"], None],
    ) -> None:
        """``idle_s``: upstream may be silent for so long. ``rested``: told when it may be used again."""
        self._loop = asyncio.get_running_loop()
        self._idle_s, self._rested, self._lost = idle_s, rested, lost
        self._transport: asyncio.Transport | None = None
        self._answer: WireAnswer | None = None
        self._reader: AnswerReader | None = None
        """Of the answer that is coming in."""
        self._unsent = memoryview(b"")
        """Of the request's body."""
        self._is_full = False
        """What was given to the transport has not gone yet."""
        self._paused = False
        self._is_silent = True
        """Nothing has come since the last request was sent."""
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._requests = 0

    # ------------------------------------------------------------------------------------------------ for its owner

    def ask(self, method: str, head: bytes, body: bytes | bytearray) -> WireAnswer:
        """Send a request."""
        reader = AnswerReader(method)
        answer = WireAnswer(self, reader, self._loop.create_future())
        self._answer, self._reader = answer, reader
        self._requests += 1
        self._is_silent = True
        if self._transport is None:
            self._fail(None)
            return answer
        if len(body) <= _JOINED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._unsent = memoryview(body)
            self._send_on()
        self._listen()
        return answer

    @cached_property
    def leads_inside(self) -> bool:
        """Is at its other end no address of the public network?"""
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return peer is None or not ipaddress.ip_address(peer[0].partition("%")[0]).is_global

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """Close at once: what waits to be sent is not worth waiting for."""
        if self._transport is not None:
            self._transport.abort()

    # ----------------------------------------------------------------------------------------------- for its answer

    def pause(self, answer: WireAnswer) -> None:
        if answer is self._answer and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self, answer: WireAnswer) -> None:
        if answer is self._answer:
            self._unpause()
            self._listen()

    def give_up(self, answer: WireAnswer) -> None:
        if answer is self._answer:
            self._loose()
            self.abort()

    # ------------------------------------------------------------------------------------------------- for the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        answer, reader = self._answer, self._reader
        if answer is None or reader is None:
            self.abort()  # nobody asked
            return
        self._is_silent = False
        self._heard_at = self._loop.time()
        body = reader.feed(data)
        if reader.head is not None and not answer.opened.done():
            answer.opened.set_result(None)
        if reader.is_complete or reader.is_malformed:
            self._end(answer, reader, body)
        elif body:
            answer.push(body)
        if len(data) >= _FLOOD_BYTES:
            self.pause(answer)
            self._loop.call_soon(self._go_on, answer)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._send_on()

    def connection_lost(self, exc: Exception | None) -> None:
        answer, reader = self._answer, self._reader
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        if answer is not None and reader is not None:
            if exc is None and reader.ends_with_connection():
                self._loose()
                answer.end()
            else:
                self._fail(exc)
        self._lost(self)

    # ------------------------------------------------------------------------------------------------------- within

    def _send_on(self) -> None:
        while self._unsent and not self._is_full and self._transport is not None:
            piece, self._unsent = self._unsent[:_SLICE_BYTES], self._unsent[_SLICE_BYTES:]
            self._transport.write(piece)

    def _end(self, answer: WireAnswer, reader: AnswerReader, body: bytes) -> None:
        is_unsent = bool(self._unsent)
        self._loose()
        if reader.is_last or is_unsent or self._transport is None or self._transport.get_write_buffer_size():
            self.abort()
        else:
            self._rested(self)
        if body:
            answer.push(body)
        answer.end(UpstreamError("upstream", "malformed answer") if reader.is_malformed else None)

    def _loose(self) -> None:
        if self._reader is not None:
            self._reader.finish()
        self._answer = self._reader = None
        self._unsent = memoryview(b"")
        self._unpause()

    def _go_on(self, answer: WireAnswer) -> None:
        if answer.flows:
            self.resume(answer)

    def _unpause(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def _fail(self, exc: Exception | None) -> None:
        answer, reader = self._answer, self._reader
        assert answer is not None
        assert reader is not None
        self._loose()
        if self._requests > 1 and self._is_silent:
            answer.end(StaleConnectionError("upstream", "connection lost"))
        elif reader.head is not None and exc is None:
            answer.end(UpstreamError("upstream", "broke off in the middle of the answer"))
        else:
            answer.end(UpstreamError("upstream", "connection lost"))

    def _listen(self) -> None:
        """From now on silence counts. One timer serves many exchanges: it looks when it fires how long silence was."""
        self._heard_at = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(self._idle_s, self._look)

    def _look(self) -> None:
        self._watch = None
        answer = self._answer
        if answer is None or self._paused:
            return
        left = self._heard_at + self._idle_s - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        self._loose()
        self.abort()
        answer.end(UpstreamError("timeout", "no bytes for too long"))
