"""Captured traffic, replayed through the running product, gets exactly its expected links by the read API."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDict

from tests import captures
from tests.captures import Captured
from tests.stack import Stack, request_id_of, stack

NOT_FORWARDED = {"host", "connection", "content-length", "accept-encoding"}


@dataclass
class CapturedApi:
    """Answers each captured request with its captured answer."""

    answers: dict[tuple[str, bytes], deque[Captured]] = field(default_factory=dict)
    port: int = 0

    def expect(self, exchanges: tuple[Captured, ...]) -> None:
        for one in exchanges:
            self.answers.setdefault((one.path, one.body), deque()).append(one)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        one = self.answers[request.raw_path, await request.read()].popleft()
        response = web.StreamResponse(status=one.status, headers={"content-type": one.content_type})
        await response.prepare(request)
        half = len(one.answer) // 2
        await response.write(one.answer[:half])
        await response.write(one.answer[half:])
        await response.write_eof()
        return response


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


async def replayed(session: ClientSession, running: Stack, one: Captured) -> str:
    headers = CIMultiDict((name, value) for name, value in one.headers if name.lower() not in NOT_FORWARDED)
    async with session.post(running.gateway + one.path, data=one.body, headers=headers) as response:
        assert response.status == one.status
        assert await response.read() == one.answer
        return str(request_id_of(dict(response.headers)))


@pytest.fixture
def spine() -> tuple[str, ...]:
    return captures.SPINE


async def test_captures_get_their_links(tmp_path: Path, spine: tuple[str, ...]) -> None:
    async with captured_api() as api, stack(tmp_path, f"http://127.0.0.1:{api.port}") as running:
        async with ClientSession(auto_decompress=False) as session:
            ids = {}
            for name in spine:
                api.expect(captures.exchanges(name))
                for one in captures.exchanges(name):
                    ids[name, one.n] = await replayed(session, running, one)
        items = {one["request_id"]: one for one in await running.requests(len(ids))}
        for name in spine:
            numbers = {ids[name, one.n]: one.n for one in captures.exchanges(name)}
            for want in captures.expected(name):
                got = items[ids[name, want.n]]
                assert got["class"] in want.request_class, (name, want.n)
                assert got["edge"] in want.edge, (name, want.n)
                assert numbers.get(got["parent_request_id"]) in want.parent, (name, want.n)
                assert numbers.get(got["conversation_id"]) in want.conversation, (name, want.n)
                assert got["evidence"], (name, want.n)
