"""What does a pass-through cost that records nothing? aiohttp and uvloop, written well: ``python bare.py URL``.

URL: of the upstream. One process, aiohttp's low-level server without a router, its client without a limit, bytes
forwarded as they come.
"""

import asyncio
import signal
import sys
from ctypes import CDLL

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.web import BaseRequest, Server, ServerRunner, StreamResponse, TCPSite
from multidict import CIMultiDict
from yarl import URL

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"})
_DIE_WITH_PARENT = 1


def end_to_end(headers: "CIMultiDict[str]") -> "CIMultiDict[str]":
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


class PassThrough:
    """Forwards every request."""

    def __init__(self, session: ClientSession, upstream: str) -> None:
        self._session, self._upstream = session, upstream

    async def handle(self, request: BaseRequest) -> StreamResponse:
        body = await request.read() if request.can_read_body else None
        target = URL(self._upstream + request.raw_path, encoded=True)
        headers = end_to_end(request.headers)  # type: ignore[arg-type]  # a proxy of the same
        async with self._session.request(
            request.method, target, headers=headers, data=body, allow_redirects=False
        ) as answer:
            response = StreamResponse(status=answer.status, reason=answer.reason, headers=end_to_end(answer.headers))  # type: ignore[arg-type]
            await response.prepare(request)
            async for data in answer.content.iter_any():
                await response.write(data)
            await response.write_eof()
            return response


async def main(upstream: str) -> None:
    session = ClientSession(
        connector=TCPConnector(limit=0, use_dns_cache=True),
        timeout=ClientTimeout(total=None),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
    )
    async with session:
        server = Server(PassThrough(session, upstream).handle, access_log=None)
        runner = ServerRunner(server)
        await runner.setup()
        site = TCPSite(runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.platform.startswith("linux"):
        CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    uvloop.run(main(sys.argv[1]))
