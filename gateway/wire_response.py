"""How does an answer get onto the client's connection? Exactly: upstream's head, then its bytes, framed for the client.

aiohttp's own response would add Date, Server and Content-Type, merge lines and recode bytes. This one writes to the
transport itself and takes from aiohttp the connection, its back-pressure and its keep-alive.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum

from aiohttp.http import HttpVersion11
from aiohttp.web import BaseRequest, StreamResponse

from domain.errors import NexusError
from gateway.answers import AnswerHead, OwnAnswer
from gateway.headers import REQUEST_ID

_CUT_FLUSH_S = 1.0
"""After a cut, bytes that wait for a slow client get this long."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientLostError(NexusError):
    """The client's connection is gone, or the client does not read from it."""

    def __init__(self, detail: str = "", unsent: int = 0) -> None:
        super().__init__(detail or "The client's connection is gone.")
        self.detail = detail
        self.unsent = unsent
        """Bytes of the body that were to be sent."""


class Framing(Enum):
    """How the client can tell where the body ends."""

    LENGTH = "length"
    """By its length, or because there is none."""
    CHUNKED = "chunked"
    CLOSE = "close"
    """By the end of the connection: an HTTP/1.0 client and a body of unknown length."""


class WireResponse(StreamResponse):
    """One answer on its way to the client."""

    def __init__(self, request: BaseRequest, request_id: str, is_last: Callable[[], bool] = lambda: False) -> None:
        """``is_last``: asked with the head: is the connection to be closed behind this answer?"""
        super().__init__()
        self._is_last = is_last
        self._http, self._client = request, request.protocol
        self.request_id = request_id
        self._framing = Framing.LENGTH
        self._keep_alive = request.keep_alive
        self._corked = b""
        """A head that may leave together with the bytes behind it."""
        self._is_cut = False

    def close_after(self) -> None:
        """This is the last answer on its connection."""
        self._keep_alive = False

    def send_head(self, head: AnswerHead) -> None:
        """It leaves with the bytes that follow, or with ``uncork``."""
        self._framing = framing(head, http11=self._http.version >= HttpVersion11)
        if self._framing is Framing.CLOSE or self._is_last():
            self._keep_alive = False
        self._corked = b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, self._lines(head))

    def _lines(self, head: AnswerHead) -> bytes:
        lines = [b"%b: %b\r\n" % line for line in head.headers]
        if self._framing is Framing.CHUNKED:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        if not self._keep_alive:
            lines.append(b"Connection: close\r\n")
        elif self._http.version < HttpVersion11:
            lines.append(b"Connection: keep-alive\r\n")
        lines.append(b"%b: %b\r\n" % (REQUEST_ID, self.request_id.encode()))
        return b"".join(lines)

    def send(self, data: bytes) -> None:
        """Raises ClientLostError."""
        transport = self._client.transport
        if transport is None or transport.is_closing():
            raise ClientLostError(unsent=len(data))
        if self._framing is Framing.CHUNKED:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._corked:
            data, self._corked = self._corked + data, b""
        transport.write(data)

    def uncork(self) -> None:
        """Nothing follows for now. Raises ClientLostError."""
        if self._corked:
            self._write(b"")

    def finish(self) -> None:
        """The answer is whole. Raises ClientLostError."""
        if self._framing is Framing.CHUNKED:
            self._write(b"0\r\n\r\n")
        self.uncork()
        self._eof_sent = True  # tells aiohttp that there is nothing left to do

    def cut(self) -> None:
        """Break the connection: a framed body ends before its end, one without frame ends with a reset."""
        self._eof_sent = self._is_cut = True
        self._keep_alive = False
        transport = self._client.transport
        if transport is None:
            return
        if self._corked and not transport.is_closing():
            transport.write(self._corked)
        if self._framing is Framing.CLOSE:
            _reset(transport)
        else:
            transport.close()
            asyncio.get_running_loop().call_later(_CUT_FLUSH_S, transport.abort)

    @property
    def congested(self) -> bool:
        """Does more wait for the client than should? After a cut nothing counts any more."""
        return self._client.writing_paused and not self._is_cut

    async def wait_until_read(self, deadline_s: float) -> None:
        """Wait until the client has read. Raises ClientLostError, also after the deadline."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._http.writer.drain()
        except TimeoutError:
            raise ClientLostError("the client does not read") from None
        except ConnectionError:
            raise ClientLostError from None

    async def answer(self, own: OwnAnswer, deadline_s: float) -> None:
        """Send an answer of our own, whole. Raises ClientLostError."""
        self.send_head(own.head)
        if own.body and self._http.method != "HEAD":
            self._write(own.body)
        self.finish()
        if self.congested:
            await self.wait_until_read(deadline_s)

    def _write(self, data: bytes) -> None:
        transport = self._client.transport
        if transport is None or transport.is_closing():
            raise ClientLostError
        if self._corked:
            data, self._corked = self._corked + data, b""
        transport.write(data)


def framing(head: AnswerHead, *, http11: bool) -> Framing:
    """How to frame this answer's body."""
    if head.length is not None:
        return Framing.LENGTH
    return Framing.CHUNKED if http11 else Framing.CLOSE


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
