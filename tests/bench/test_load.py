"""The load generator takes nothing for an answer that is not the right one, byte for byte."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.errors import SetupError
from tests.bench import load
from tests.bench.load import LoadError, Request, Work, request, write_scripts
from tests.bench.programs import build, started

DEADLINE_S = 30
Mend = Callable[[bytes], bytes]


@asynccontextmanager
async def spoiled(port: int, mend: Mend) -> AsyncIterator[int]:
    """A proxy that changes what comes back; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while asked := await reader.read(65536):
                up_writer.write(asked)
                await asyncio.sleep(0)
                answer = await _answer(up_reader)
                writer.write(mend(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            up_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else await reader.readuntil(b"\r\n0\r\n\r\n"))


async def ask(tools: Path, kind: str, mend: Mend, count: int = 12, connections: int = 3) -> load.Load:
    one = Request(request(b'{"said":"@@MARKER"}', kind), kind)
    scripts = write_scripts(tools / "scripts", [[one]])
    async with started(str(tools / "upstream"), log=tools / "log") as (_, port), spoiled(port, mend) as between:
        return await load.run(tools / "load", between, Work(scripts, count, connections), 7, DEADLINE_S)


@pytest.mark.parametrize("kind", ["json", "stream-3-0", "stream-0-0", "stream-5-2000"])
async def test_right_answers_are_counted(tools: Path, kind: str) -> None:
    found = await ask(tools, kind, lambda answer: answer)
    assert found.requests == len(found.first_ms) == len(found.last_ms) == 12
    assert all(first <= last for first, last in zip(found.first_ms, found.last_ms, strict=True))
    assert found.chunks == len(found.delay_ms) == (60 if kind == "stream-5-2000" else 0)
    assert found.body_bytes > 12 * 300


def other_marker(answer: bytes) -> bytes:
    return re.sub(rb"msg_\d{8}", b"msg_99999999", answer)


def other_byte(answer: bytes) -> bytes:
    return answer.replace(b"usage", b"usagE", 1)


def one_event_less(answer: bytes) -> bytes:
    return re.sub(rb"[0-9a-f]+\r\nevent: content_block_delta.*?\n\n\r\n", b"", answer, count=1, flags=re.DOTALL)


def one_event_twice(answer: bytes) -> bytes:
    return re.sub(
        rb"[0-9a-f]+\r\nevent: content_block_delta.*?\n\n\r\n",
        lambda found: found[0] * 2,
        answer,
        count=1,
        flags=re.DOTALL,
    )


def no_last_event(answer: bytes) -> bytes:
    return re.sub(rb"[0-9a-f]+\r\nevent: message_stop.*?\n\n\r\n", b"", answer, flags=re.DOTALL)


def other_status(answer: bytes) -> bytes:
    return answer.replace(b"HTTP/1.1 200", b"HTTP/1.1 500")


@pytest.mark.parametrize(
    "mend", [other_marker, other_byte, one_event_less, one_event_twice, no_last_event, other_status]
)
async def test_a_wrong_answer_is_an_error(tools: Path, mend: Mend) -> None:
    with pytest.raises(LoadError, match=r"answers were not right: (a wrong answer|status 500)"):
        await ask(tools, "stream-3-0", mend)


async def test_chunks_may_come_cut_anywhere(tools: Path) -> None:
    def recut(answer: bytes) -> bytes:
        head, _, body = answer.partition(b"\r\n\r\n")
        data = b"".join(re.findall(rb"[0-9a-f]+\r\n(event: .*?\n\n)\r\n", body, re.DOTALL))
        pieces = (data[at : at + 17] for at in range(0, len(data), 17))
        chunks = (b"%X;word=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return head + b"\r\n\r\n" + b"".join(chunks) + b"0\r\nTrailer: yes\r\n\r\n"

    assert (await ask(tools, "stream-3-0", recut)).requests == 12


async def test_scripts_are_sent_in_order_with_a_marker_of_their_own(tools: Path) -> None:
    answers = [b"first", b"second", b"third"]
    canned = tools / "canned"
    raw = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(one), one) for one in answers]
    canned.write_bytes(b"".join(b"%d\n%b" % (len(one), one) for one in raw))
    script = [Request(request(b"{}", f"canned-{n}"), f"canned-{n}", answer=answer) for n, answer in enumerate(answers)]
    scripts = write_scripts(tools / "scripts", [script])
    async with started(str(tools / "upstream"), str(canned), log=tools / "log") as (_, port):
        found = await load.run(tools / "load", port, Work(scripts, 10, 2), 1, DEADLINE_S)
    assert found.requests == 12, "a script that was begun is played to its end"


@pytest.mark.parametrize("answer", [b"sedond", b"secon", b""])
async def test_a_canned_answer_is_compared_too(tools: Path, answer: bytes) -> None:
    canned = tools / "canned"
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
    canned.write_bytes(b"%d\n%b" % (len(raw), raw))
    scripts = write_scripts(tools / "scripts", [[Request(request(b"{}", "canned-0"), "canned-0", answer=b"second")]])
    async with started(str(tools / "upstream"), str(canned), log=tools / "log") as (_, port):
        with pytest.raises(LoadError, match="a wrong answer"):
            await load.run(tools / "load", port, Work(scripts, 2, 1), 1, DEADLINE_S)


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(SetupError, match="needs a C compiler"):
        build("load", tmp_path)


def test_what_does_not_compile_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nothing\.c does not compile"):
        build("nothing", tmp_path)
