"""A small server: it serves, and at its end nothing of it is left, however its connections hang."""

import asyncio

import pytest

from ops.torture.serving import reset, serving


async def test_it_serves_each_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(2))
        writer.close()

    async with serving(serve) as port:
        for word in (b"ab", b"cd"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(word)
            assert await reader.read() == word
            writer.close()


async def test_at_the_end_who_hangs_is_cut_off_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = asyncio.Event(), list[str]()

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with serving(serve) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await begun.wait()
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    assert ended == ["ended"]
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    assert caplog.text == ""


async def test_a_reset_is_no_end() -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)
        reset(writer)

    async with serving(serve) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
