"""How does a gateway worker live? It opens its journal and its port, serves, drains, and closes everything again.

The way of a request: ``server`` → ``handlers`` → ``conductor`` with ``exchange`` → ``journal`` and ``upstream`` →
``wire_response``.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from domain.ids import JournalId, RequestId, RequestIds
from gateway.aiohttp_upstream import AiohttpUpstream, Timeouts
from gateway.authentication import pass_through
from gateway.conductor import Means
from gateway.config import GatewayConfig
from gateway.destination import destination
from gateway.draining import LAST_WORDS_S, Wishes, drain
from gateway.handlers import Handler
from gateway.headers import to_fact
from gateway.health import LocalAnswers
from gateway.in_flight import InFlight
from gateway.intake import BodyLimits
from gateway.journal import Journal, JournalWriter, NullJournal
from gateway.journal_log import LogOptions
from gateway.listening import adopt, listen
from gateway.metrics import Metrics
from gateway.recorder import RecordingMeans
from gateway.server import GatewayServer

Ready = Callable[[Sequence[tuple[str, int]]], None]
"""Told the addresses that are listened on."""


async def serve(
    config: GatewayConfig,
    *,
    stop: asyncio.Event,
    abort: asyncio.Event,
    ready: Ready,
    retire: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop``, then let open streams run on for ``drain_s`` or until ``abort``. Raises SetupError.

    ``retire``: as ``stop``, but a successor serves already.
    """
    wishes = Wishes(stop, abort, retire or asyncio.Event())
    place = destination(config.upstream_url, config.allow_upstream)
    new_id, in_flight = _request_ids(), InFlight()
    metrics = Metrics(in_flight.__len__)
    async with AsyncExitStack() as stack:
        sockets = adopt(config.sockets) if config.sockets else listen(config.hosts, config.port)
        for sock in sockets:
            stack.callback(sock.close)
        journal = await stack.enter_async_context(_journal(config, JournalId(new_id()), metrics))
        timeouts = Timeouts(config.upstream_connect_s, config.upstream_idle_s)
        upstream = AiohttpUpstream(place, timeouts, proxy=config.upstream_proxy)
        stack.push_async_callback(upstream.close)
        handler = Handler(
            means=Means(upstream, metrics, config.stall_s, in_flight.is_aborting),
            recording=RecordingMeans(journal, to_fact(config.fingerprint_key), metrics),
            local=LocalAnswers(journal, metrics),
            authenticate=pass_through,
            limits=BodyLimits(config.body_limit, config.body_idle_s, config.body_total_s),
            in_flight=in_flight,
            new_id=new_id,
            wall_ns=time.time_ns,
        )
        server = GatewayServer(handler, keepalive_s=config.keepalive_s, new_id=lambda: str(new_id()), metrics=metrics)
        loop = asyncio.get_running_loop()
        stack.push_async_callback(server.shutdown, LAST_WORDS_S)
        stack.callback(in_flight.abort)  # nothing is left to abort, unless we are cancelled
        listeners = [await loop.create_server(server, sock=sock) for sock in sockets]
        for listener in listeners:
            stack.callback(listener.close)
        ready([sock.getsockname()[:2] for sock in sockets])
        await wishes.wait_for_end()
        for listener in listeners:
            listener.close()
        await drain(server, in_flight, wishes, config.drain_s)


@asynccontextmanager
async def _journal(config: GatewayConfig, journal: JournalId, metrics: Metrics) -> AsyncIterator[Journal]:
    if not config.storage_enabled:
        yield NullJournal()
        return
    options = LogOptions(
        root=config.journal_root, journal=journal, started_ns=time.time_ns(), segment_bytes=config.segment_bytes
    )
    writer = JournalWriter(options, metrics.recording_gaps.inc)
    try:
        yield writer
    finally:
        await writer.close()


def _request_ids() -> Callable[[], RequestId]:
    ids = RequestIds()
    return lambda: ids.new(time.time_ns() // 1_000_000, secrets.randbits(74))
