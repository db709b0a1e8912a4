"""Captured traffic, faults included, replayed through the running product, gets exactly its expected links."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from multidict import CIMultiDict

from tests import captures
from tests.captures import Captured
from tests.stack import Stack, request_id_of, stack

NOT_FORWARDED = {"host", "connection", "content-length", "accept-encoding"}


@dataclass
class CapturedApi:
    """Answers the captured request with its captured answer, or fails as it failed."""

    now: Captured | None = None
    """What is replayed. The gateway may ask twice: a connection that was kept and drops at once may have been stale."""
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    """An answer has come as far as it comes."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody waits for it any more."""
    port: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        one = self.now
        assert one is not None
        assert (request.raw_path, await request.read()) == (one.path, one.body)
        response = web.StreamResponse(status=one.status or 200, headers={"content-type": one.content_type})
        if one.fault == "drop_before_headers":
            hang_up(request)
            return response
        if one.status:
            await response.prepare(request)
            half = len(one.answer) // 2
            await response.write(one.answer[:half])
            await response.write(one.answer[half:])
        if one.fault == "stall":
            self.stalled.set()
            await self.gone.wait()
        if one.fault == "drop_mid":
            hang_up(request)
            return response
        await response.write_eof()
        return response


def hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


@asynccontextmanager
async def captured_api() -> AsyncIterator[CapturedApi]:
    api = CapturedApi()
    runner = web.ServerRunner(web.Server(api.handle), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.port = runner.addresses[0][1]
    yield api
    await runner.cleanup()


async def replayed(session: ClientSession, running: Stack, api: CapturedApi, one: Captured) -> str | None:
    """Its request id; None: the client was gone before it knew one."""
    api.now = one
    api.stalled.clear()
    api.gone.clear()
    if one.fault == "stall" and not one.status:
        await given_up(session, running, api, one)
        return None
    async with session.post(running.gateway + one.path, data=one.body, headers=headers_of(one)) as response:
        assert response.status == (502 if one.fault == "drop_before_headers" else one.status)
        if one.fault == "stall":
            assert await response.content.readexactly(len(one.answer)) == one.answer
            response.close()
            api.gone.set()
        elif one.fault == "drop_mid":
            with pytest.raises(ClientPayloadError):
                await response.read()
        elif one.fault != "drop_before_headers":
            assert await response.read() == one.answer
        return str(request_id_of(dict(response.headers)))


async def given_up(session: ClientSession, running: Stack, api: CapturedApi, one: Captured) -> None:
    """The client hangs up before the first byte of an answer."""
    post = session.post(running.gateway + one.path, data=one.body, headers=headers_of(one))
    waiting = asyncio.ensure_future(post)
    await api.stalled.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    api.gone.set()


def headers_of(one: Captured) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in one.headers if name.lower() not in NOT_FORWARDED)


@pytest.mark.parametrize("name", captures.names())
async def test_a_capture_gets_its_links(everything: dict[str, list[str]], name: str) -> None:
    assert everything[name] == []


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is wrong, by capture: all of them one after the other through one running Nexus."""
    return asyncio.run(wrong_links(tmp_path_factory.mktemp("captures")))


async def wrong_links(folder: Path) -> dict[str, list[str]]:
    async with captured_api() as api, stack(folder, f"http://127.0.0.1:{api.port}") as running:
        async with ClientSession(auto_decompress=False) as session:
            ids: dict[tuple[str, int], str | None] = {}
            for name in captures.names():
                for one in captures.exchanges(name):
                    ids[name, one.n] = await replayed(session, running, api, one)
        items = {one["request_id"]: one for one in await running.requests(len(ids))}
        return {name: list(mistakes(name, ids, items)) for name in captures.names()}


def mistakes(name: str, ids: dict[tuple[str, int], str | None], items: dict[str, dict[str, Any]]) -> Iterator[str]:
    unnamed = sorted(set(items) - set(filter(None, ids.values())))
    numbers = {ids[name, one.n] or unnamed[0]: one.n for one in captures.exchanges(name)}
    wanted = {one.n: one for one in captures.expected(name)}
    for request_id, n in numbers.items():
        got, want = items[request_id], wanted[n]
        said = {
            "class": (got["class"], want.request_class),
            "edge": (got["edge"], want.edge),
            "parent": (numbers.get(got["parent_request_id"]), want.parent),
            "conversation": (numbers.get(got["conversation_id"]), want.conversation),
        }
        yield from (f"#{n}: {key} {value}, not {right}" for key, (value, right) in said.items() if value not in right)
        if not got["evidence"]:
            yield f"#{n}: without evidence"
