"""A client that sees the wire: sends bytes, reads bytes, and knows how an answer ended."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.fake_upstream import Lines, read_chunks


@dataclass
class Answer:
    """An answer as it came."""

    status_line: bytes
    lines: Lines
    chunks: list[bytes] = field(default_factory=list)
    """The body: HTTP chunks, or reads."""
    complete: bool = False
    """It came to its end as HTTP wants it."""
    trailers: Lines = field(default_factory=list)
    is_reset: bool = False
    """It was broken off by a reset, not by a close."""
    raw_head: bytes = b""
    """Every byte before the body."""

    @property
    def status(self) -> int:
        return int(self.status_line.split()[1])

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.lines if key.lower() == name.lower()]

    def one(self, name: bytes) -> bytes:
        (value,) = self.all(name)
        return value


@dataclass
class WireClient:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def request(self, method: str, target: bytes, *lines: tuple[bytes, bytes], body: bytes = b"") -> Answer:
        await self.send(request_bytes(method, target, *lines, body=body))
        return await self.answer(head_only=method == "HEAD")

    async def head(self) -> Answer:
        async with asyncio.timeout(10):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        status_line, *rest = raw[:-4].split(b"\r\n")
        lines = [(name, value.removeprefix(b" ")) for name, _, value in (line.partition(b":") for line in rest)]
        return Answer(status_line, lines, raw_head=raw)

    async def answer(self, *, head_only: bool = False) -> Answer:
        answer = await self.head()
        async with asyncio.timeout(20):
            await self.body(answer, head_only=head_only)
        return answer

    async def body(self, answer: Answer, *, head_only: bool = False) -> None:
        """Read the rest; ``answer.complete`` stays False if it is cut."""
        if head_only or answer.status in {204, 304}:
            answer.complete = True
            return
        try:
            async for piece in self._pieces(answer):
                answer.chunks.append(piece)
            answer.complete = True
        except ConnectionError:
            answer.is_reset = True
        except (asyncio.IncompleteReadError, ValueError):
            return

    async def _pieces(self, answer: Answer) -> AsyncIterator[bytes]:
        if answer.all(b"transfer-encoding"):
            async for piece in read_chunks(self.reader, answer.trailers):
                yield piece
        elif length := answer.all(b"content-length"):
            left = int(length[0])
            while left:
                piece = await self.reader.read(min(left, 65536))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(piece)
                yield piece
        else:
            while piece := await self.reader.read(65536):
                yield piece

    async def is_closed(self) -> bool:
        """Does the server end the connection now, and without another word?"""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


def request_bytes(
    method: str, target: bytes, *lines: tuple[bytes, bytes], body: bytes = b"", version: bytes = b"1.1"
) -> bytes:
    names = {name.lower() for name, _ in lines}
    if b"host" not in names:
        lines = ((b"Host", b"localhost:3000"), *lines)
    if body and not names & {b"content-length", b"transfer-encoding"}:
        lines = (*lines, (b"Content-Length", b"%d" % len(body)))
    start = b"%b %b HTTP/%b\r\n" % (method.encode(), target, version)
    return start + b"".join(b"%b: %b\r\n" % line for line in lines) + b"\r\n" + body


def chunked(pieces: Sequence[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@asynccontextmanager
async def wire_client(port: int, host: str = "127.0.0.1") -> AsyncIterator[WireClient]:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        yield WireClient(reader, writer)
    finally:
        writer.close()
