"""The client's judgement: what it says of an answer that is right, wrong, cut, endless, or of nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from ops.torture import client as client_module
from ops.torture.asking import body_of
from ops.torture.client import Client, Place
from ops.torture.script import answer_to, digest

BODY = body_of(1, 1, 1)
SCRIPT = answer_to(BODY)
ID = UUID(int=7)


def answer(body: bytes = SCRIPT.body, status: int = SCRIPT.status, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nx-nexus-request-id: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        status, str(ID).encode(), len(SCRIPT.body), more, body,
    )  # fmt: skip


class Server:
    """Says these bytes to every request, and what it was asked."""

    def __init__(self, says: bytes, *, closes: bool) -> None:
        self.says, self.closes = says, closes
        self.asked: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.asked.append(head + await reader.readexactly(length))
                writer.write(self.says)
                if self.closes:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def asking(says: bytes, *, closes: bool = False) -> AsyncIterator[tuple[Client, Server]]:
    served = Server(says, closes=closes)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    client = Client(Place("127.0.0.1", server.sockets[0].getsockname()[1]))
    try:
        yield client, served
    finally:
        client.close()
        server.close()


async def test_a_right_answer() -> None:
    async with asking(answer()) as (client, server):
        saw, body = await client.ask(BODY)
        assert (saw.request_id, saw.status, saw.whole, saw.faithful) == (ID, SCRIPT.status, True, True)
        assert (saw.failed, saw.gone) == ("", False)
        assert (saw.body_sha256, saw.body_bytes, body) == (digest(BODY), len(BODY), SCRIPT.body)
        assert saw.sent_ns <= saw.ended_ns
        assert server.asked[0].endswith(BODY)


async def test_a_connection_is_used_again_after_a_good_end_only() -> None:
    async with asking(answer()) as (client, server):
        for _ in range(3):
            await client.ask(BODY)
        assert server.connections == 1
    async with asking(answer(more=b"connection: close\r\n")) as (client, server):
        for _ in range(3):
            assert (await client.ask(BODY))[0].whole
        assert server.connections == 3


WRONG = bytes([SCRIPT.body[0] ^ 1]) + SCRIPT.body[1:]


@pytest.mark.parametrize(
    ("says", "whole", "faithful", "failed"),
    [
        (answer(WRONG), True, False, ""),
        (answer(status=502), True, False, ""),
        (answer(SCRIPT.body[:-1]), False, True, "closed early"),
        (answer(WRONG[:-1]), False, False, "closed early"),
        (answer() + b"x", True, True, "more than the answer"),
        (b"", False, True, "closed early"),
        (b"nonsense\r\n\r\n", False, True, "no status line: 'nonsense'"),
    ],
)
async def test_what_is_not_right(says: bytes, whole: bool, faithful: bool, failed: str) -> None:
    async with asking(says, closes=True) as (client, _):
        saw, _ = await client.ask(BODY)
        assert (saw.whole, saw.faithful, saw.failed, saw.gone) == (whole, faithful, failed, False)


async def test_it_never_asks_twice() -> None:
    async with asking(b"", closes=True) as (client, server):
        await client.ask(BODY)
        assert len(server.asked) == 1


async def test_nobody_is_there() -> None:
    async with asking(b"") as (client, _):
        pass
    saw, body = await client.ask(BODY)
    assert (saw.failed, saw.status, saw.request_id, body) == ("not connected: ConnectionRefusedError", None, None, b"")


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "DEADLINE_S", 0.05)
    async with asking(answer()[:-1]) as (client, _):
        saw, body = await client.ask(BODY)
        assert saw.failed == "nothing within 0.05 s"
        assert body == SCRIPT.body[: len(body)]


async def test_it_goes_away_when_it_is_told_to() -> None:
    async with asking(answer()[:-1]) as (client, _):
        saw, body = await client.ask(BODY, leaves_after=0)
        assert (saw.gone, saw.failed, saw.whole, saw.faithful) == (True, "", False, True)
        assert body
