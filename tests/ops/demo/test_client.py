"""The client's ears: what it sends, and how each way an answer can end is heard."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from ops.demo.blocks import Answered, CacheCreation, Text, Usage
from ops.demo.client import Heard, Request, connected
from ops.demo.frames import error_frame, frames
from tests.waiting import until

ANSWER = Answered(
    "m", "assistant", "model", (Text("Hello there. " * 9),), "end_turn", None, Usage(1, 2, 3, CacheCreation(2, 0), 4)
)
STREAM = [frame.data for frame in frames(ANSWER)]
SSE = {"content-type": "text/event-stream"}


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def hear(response: web.Response) -> Heard:
    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return response

    async with serving(handle) as url, connected(url) as client:
        return await client.send(Request("/v1/messages", {}, b"{}"))


async def test_it_sends_the_very_headers_path_and_bytes() -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return web.Response()

    async with serving(handle) as url, connected(url) as client:
        await client.send(Request("/v1/messages?beta=true", {"X-One": "1", "accept": "x"}, b'{"a": 1}'))
        await client.send(Request("/v1/models?limit=2", {}, method="GET"))
    (first, second) = seen
    assert first[:2] == ("POST", "/v1/messages?beta=true")
    assert first[3] == b'{"a": 1}'
    sent = {name.lower(): value for name, value in first[2].items()}
    assert {key: sent[key] for key in sent.keys() - {"host"}} == {"x-one": "1", "accept": "x", "content-length": "8"}
    assert (second[0], second[3]) == ("GET", b"")


async def test_a_whole_stream() -> None:
    heard = await hear(
        web.Response(body=b"".join(STREAM), headers=SSE | {"x-nexus-request-id": "n", "request-id": "u"})
    )
    assert (heard.ending, heard.status, heard.request_id) == ("whole", 200, "n")
    assert tuple(heard.reading.content) == ANSWER.content
    assert bytes(heard.received) == b"".join(STREAM)


async def test_without_nexus_the_upstreams_id_counts() -> None:
    assert (await hear(web.Response(headers={"request-id": "u"}))).request_id == "u"
    assert (await hear(web.Response())).request_id is None


async def test_an_error_event_breaks_it() -> None:
    body = b"".join(STREAM[:6]) + error_frame("overloaded_error", "Overloaded").data
    heard = await hear(web.Response(body=body, headers=SSE))
    assert heard.ending == "broken"
    assert heard.reading.deltas > 0


async def test_a_stream_that_just_ends_is_lost() -> None:
    assert (await hear(web.Response(body=b"".join(STREAM[:6]), headers=SSE))).ending == "lost"


async def test_without_its_last_frame_it_is_whole_all_the_same() -> None:
    assert (await hear(web.Response(body=b"".join(STREAM[:-1]), headers=SSE))).ending == "whole"


async def test_an_http_error_is_heard_with_its_headers() -> None:
    heard = await hear(web.Response(status=429, headers={"retry-after": "3"}, body=b"{}"))
    assert (heard.ending, heard.status, heard.headers["retry-after"]) == ("error", 429, "3")


@pytest.mark.parametrize("packed", [True, False])
async def test_an_answer_in_one_piece(packed: bool) -> None:
    body = msgspec.json.encode(ANSWER)
    sent = gzip.compress(body) if packed else body
    headers = {"content-type": "application/json"} | ({"content-encoding": "gzip"} if packed else {})
    heard = await hear(web.Response(body=sent, headers=headers))
    assert (heard.ending, heard.reading.stop_reason, heard.reading.usage) == ("whole", "end_turn", ANSWER.usage)
    assert tuple(heard.reading.content) == ANSWER.content
    assert bytes(heard.received) == sent


async def test_what_is_no_message_is_just_received() -> None:
    heard = await hear(web.Response(body=b'{"input_tokens": 3}', headers={"content-type": "application/json"}))
    assert (heard.ending, heard.reading.content) == ("whole", [])


async def test_nobody_there() -> None:
    async with connected("http://127.0.0.1:1") as client:
        heard = await client.send(Request("/v1/messages", {}, b"{}"))
    assert (heard.ending, heard.status, heard.request_id) == ("unreached", 0, None)


@pytest.mark.parametrize("frames_before", [0, 5])
async def test_a_connection_that_breaks_is_lost_and_what_came_is_kept(frames_before: int) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers=SSE | {"request-id": "u"})
        if frames_before:
            await response.prepare(request)
            for data in STREAM[:frames_before]:
                await response.write(data)
            await asyncio.sleep(0)
        assert request.transport
        request.transport.close() if frames_before else request.transport.abort()
        return response

    async with serving(handle) as url, connected(url) as client:
        heard = await client.send(Request("/v1/messages", {}, b"{}"))
    assert heard.ending == "lost"
    assert heard.request_id == ("u" if frames_before else None)
    assert bytes(heard.received) == b"".join(STREAM[:frames_before])


async def test_it_hangs_up_when_it_has_heard_enough() -> None:
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers=SSE)
        await response.prepare(request)
        for data in STREAM[:6]:
            await response.write(data)
        await until(lambda: request.transport is None or request.transport.is_closing(), "the client to hang up")
        gone.set()
        return response

    async with serving(handle) as url, connected(url) as client:
        heard = await client.send(Request("/v1/messages", {}, b"{}", leaves_after=2))
        async with asyncio.timeout(5):
            await gone.wait()
    assert (heard.ending, heard.status) == ("left", 200)
    assert heard.reading.deltas >= 2
    assert not heard.reading.whole
