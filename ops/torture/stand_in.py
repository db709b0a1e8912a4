"""Who answers instead of Anthropic while Nexus is tortured? A small server that follows the script, or breaks off.

It writes down what it got and how it ended, so that afterwards two witnesses speak: it and the clients.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import time_ns
from typing import Literal

from ops.checking.recordings import RecordingWriter, UpstreamSaw
from ops.torture.script import Answer, answer_to, dice, digest
from ops.torture.serving import reset, serving

Trouble = Literal["", "reset", "cut", "stall"]
Ended = Literal["whole", "cut", "client_gone"]
IN_TROUBLE = 0.4
"""How many answers are broken while upstream is to break some."""
STALL_S = 2.0
_READ_S = 120.0
_BEFORE_RESET_S = 0.05
"""A reset overtakes what was sent before it; the head is to arrive."""


@dataclass
class StandIn:
    """The upstream. While ``trouble`` is set, some answers are reset, cut off or stall."""

    writer: RecordingWriter
    trouble: Trouble = ""
    cut: set[str] = field(default_factory=set)
    """Requests whose answers were broken off."""
    requests: int = 0
    byte_count: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await _body(reader, head)
        answer, name = answer_to(body), digest(body)
        trouble = self.trouble if dice(body, "trouble").random() < IN_TROUBLE else ""
        self.requests += 1
        ended: Ended = "client_gone"
        try:
            ended = await self._answer(writer, answer, trouble)
        except ConnectionError:
            return False
        finally:
            if ended == "cut":
                self.cut.add(name)
            self.writer.upstream(_saw(body, name, answer, ended))
        return ended == "whole"

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer, trouble: Trouble) -> Ended:
        """How it ended. Raises ConnectionError when the other side went away."""
        writer.write(_head(answer))
        half = len(answer.pieces) // 2
        for number, piece in enumerate(answer.pieces):
            if trouble and number == half:
                if trouble == "stall":
                    await asyncio.sleep(STALL_S)
                else:
                    await writer.drain()
                    await asyncio.sleep(_BEFORE_RESET_S)
                    return self._broken(writer, trouble)
            writer.write(piece if answer.framing == "length" else b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            self.byte_count += len(piece)
            await asyncio.sleep(answer.pause_s)
            if writer.transport.is_closing():
                raise ConnectionResetError
        writer.write(b"" if answer.framing == "length" else b"0\r\n\r\n")
        await writer.drain()
        return "whole"

    def _broken(self, writer: asyncio.StreamWriter, trouble: Trouble) -> Ended:
        if trouble == "reset":
            reset(writer)
        else:
            writer.close()
        return "cut"


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    async with asyncio.timeout(_READ_S):
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return await reader.readexactly(int(value))
        return b""


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} As scripted", *(f"{name}: {value}" for name, value in answer.headers)]
    length = f"content-length: {len(answer.body)}"
    lines.append(length if answer.framing == "length" else "transfer-encoding: chunked")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _saw(body: bytes, name: str, answer: Answer, ended: Ended) -> UpstreamSaw:
    return UpstreamSaw(
        body_sha256=name,
        body_bytes=len(body),
        answer_sha256=digest(answer.body),
        answer_bytes=len(answer.body),
        ended=ended,
        at_ns=time_ns(),
    )


@asynccontextmanager
async def standing_in(writer: RecordingWriter) -> AsyncIterator[StandIn]:
    """Serve on a free loopback port until the end of the ``with``."""
    stand_in = StandIn(writer)
    async with serving(stand_in.serve) as port:
        stand_in.url = f"http://127.0.0.1:{port}"
        yield stand_in
