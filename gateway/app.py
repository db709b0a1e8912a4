"""How does a gateway worker live? It opens its journal and its port, serves, drains, and closes everything again.

The way of a request: ``server`` → ``handlers`` → ``conductor`` with ``exchange`` → ``journal`` and ``upstream`` →
``wire_response``.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from domain.ids import JournalId, RequestId, RequestIds
from gateway.admission import Access, Door
from gateway.conductor import Means
from gateway.config import GatewayConfig
from gateway.destination import Destination, destination
from gateway.draining import LAST_WORDS_S, Wishes, drain
from gateway.handlers import Handler
from gateway.headers import to_facts
from gateway.health import LocalAnswers
from gateway.host_view import HostView
from gateway.in_flight import InFlight
from gateway.intake import BodyLimits
from gateway.journal import Journal, JournalWriter, NullJournal
from gateway.journal_log import LogOptions
from gateway.limit_ledger import LimitLedger
from gateway.listening import BACKLOG, adopt, listen
from gateway.metrics import Metrics
from gateway.modes import is_local_only
from gateway.open_files import connections_within, raise_file_limit
from gateway.recorder import RecordingMeans
from gateway.server import ConnectionLimits, GatewayServer, refuse_lenient_parser
from gateway.signing import SigningUpstream
from gateway.wire_upstream import Timeouts, WireUpstream

_RANDOM_BYTES = 10

Ready = Callable[[Sequence[tuple[str, int]]], None]
"""Told the addresses that are listened on."""


async def serve(
    config: GatewayConfig,
    access: Access,
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
    refuse_lenient_parser()
    place = destination(config.upstream_url, config.allow_upstream)
    new_id, in_flight = _request_ids(), InFlight()
    metrics = Metrics(in_flight.__len__)
    async with AsyncExitStack() as stack:
        sockets = adopt(config.sockets) if config.sockets else listen(config.hosts, config.port)
        for sock in sockets:
            stack.callback(sock.close)
        local_only = is_local_only([sock.getsockname()[0] for sock in sockets])
        life = _Life(new_id, in_flight, metrics, local_only)
        handler, host = await stack.enter_async_context(_handler(config, access, place, life))
        limits = ConnectionLimits(connections_within(raise_file_limit()), config.head_s, config.keepalive_s)
        server = GatewayServer(handler, limits=limits, new_id=lambda: str(new_id()), metrics=metrics)
        loop = asyncio.get_running_loop()
        stack.push_async_callback(server.shutdown, LAST_WORDS_S)
        stack.callback(in_flight.abort)  # nothing is left to abort, unless we are cancelled
        listeners = [await loop.create_server(server, sock=sock, backlog=BACKLOG) for sock in sockets]
        for listener in listeners:
            stack.callback(listener.close)
        await stack.enter_async_context(host.kept_fresh())
        ready([sock.getsockname()[:2] for sock in sockets])
        await wishes.wait_for_end()
        for listener in listeners:
            listener.close()
        await drain(server, in_flight, wishes, config.drain_s)


@dataclass(frozen=True, slots=True)
class _Life:
    """What belongs to one life of a worker."""

    new_id: Callable[[], RequestId]
    in_flight: InFlight
    metrics: Metrics
    local_only: bool
    """Nobody but this machine can connect."""


@asynccontextmanager
async def _handler(
    config: GatewayConfig, access: Access, place: Destination, life: _Life
) -> AsyncIterator[tuple[Handler, HostView]]:
    """What answers requests, with all that it needs open."""
    journal_id, metrics, in_flight = JournalId(life.new_id()), life.metrics, life.in_flight
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(_journal(config, journal_id, metrics))
        host = _host(config, metrics, journal, in_flight)
        timeouts = Timeouts(config.upstream_connect_s, config.upstream_idle_s)
        wire = WireUpstream(place, timeouts, proxy=config.upstream_proxy)
        upstream = SigningUpstream(wire, access.signer, metrics.signed_again.inc)
        stack.push_async_callback(upstream.close)
        ledger = LimitLedger(config.limits_dir, str(journal_id), time.monotonic)
        stack.callback(ledger.close)
        handler = Handler(
            means=Means(upstream, metrics, config.stall_s, in_flight.is_aborting),
            recording=RecordingMeans(journal, to_facts(config.fingerprint_key), metrics),
            local=LocalAnswers(journal, host, in_flight.is_draining),
            door=Door(config.mode, access, ledger, metrics, local_only=life.local_only),
            limits=BodyLimits(config.body_limit, config.body_idle_s, config.body_total_s),
            in_flight=in_flight,
            new_id=life.new_id,
            wall_ns=time.time_ns,
        )
        yield handler, host


def _host(config: GatewayConfig, metrics: Metrics, journal: Journal, in_flight: InFlight) -> HostView:
    metrics.watch_recording(is_on=config.storage_enabled, trouble=lambda: journal.trouble)
    recorded = config.journal_root if config.storage_enabled else None
    return HostView(metrics, config.part, config.metrics_dir, recorded, in_flight.is_draining)


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
    return lambda: ids.new(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(_RANDOM_BYTES)))
