"""How does the dashboard's front live? It listens, keeps the Panel worker running, serves, and leaves in good order.

Nothing reaches Panel without a session. The read API is answered here, so that a page that takes long to build holds
up nobody who asks the API.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from socket import socket

from aiohttp.web import Application, AppRunner

from dashboard.api import ReadApi
from dashboard.auditing import Audit, NobodyAsks
from dashboard.auth import Gatekeeper, OneTimeLink, SecretWord, SessionCookie
from dashboard.config import DashboardConfig, refuse_insecure
from dashboard.data import DataStore
from dashboard.filter_forms import FilterForms, Keeps, KeepsNothing
from dashboard.listening import listen
from dashboard.login import Login, Means
from dashboard.noting import Notes
from dashboard.own_pages import ASSETS, OwnPages
from dashboard.people import OwnerAlone, People
from dashboard.policy_reports import PolicyReports
from dashboard.proxying import PanelProxy
from dashboard.room import Room
from dashboard.routes import Handlers, application
from dashboard.security import Addresses, addresses_of
from dashboard.server import FrontConnection, Guard
from dashboard.sessions import Sessions
from dashboard.sockets import SocketProxy
from dashboard.static_files import OwnFiles, WorkerFiles
from dashboard.throttle import Throttle
from dashboard.worker import PanelWorker
from domain.ports import Clock

Ready = Callable[[Sequence[tuple[str, int]], str], None]
"""Told once, when browsers are served: the addresses, and the path with query of the one-time login link."""
_SWEEP_S = 0.2
_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Behind:
    """What the front asks."""

    store: DataStore
    people: People = field(default_factory=OwnerAlone)
    audit: Audit = field(default_factory=NobodyAsks)
    reports: PolicyReports = field(default_factory=lambda: PolicyReports(time.monotonic))
    filters: Keeps = field(default_factory=KeepsNothing)


async def serve(
    config: DashboardConfig,
    behind: Behind,
    *,
    clock: Clock,
    stop: asyncio.Event,
    abort: asyncio.Event,
    ready: Ready,
) -> None:
    """Serve until ``stop``; open answers may then end within ``drain_s``, or until ``abort``. Raises SetupError."""
    refuse_insecure(config)
    addresses = addresses_of(config.hosts, config.public_urls)
    async with AsyncExitStack() as stack:
        sockets = listen(config.hosts, config.port)
        for sock in sockets:
            stack.callback(sock.close)
        places: list[tuple[str, int]] = [sock.getsockname()[:2] for sock in sockets]
        front = _made(config, behind, clock, addresses, places[0][1])
        stack.push_async_callback(front.proxy.close)
        async with asyncio.TaskGroup() as tasks:
            lives = (
                front.worker.keep_running(),
                _sweep(front.sessions, front.gatekeeper),
                front.notes.run(),
                front.room.watch(),
            )
            background = [tasks.create_task(life) for life in lives]
            runner = AppRunner(front.app, access_log=None, shutdown_timeout=config.drain_s)
            await runner.setup()
            listeners = await _listeners(runner, sockets)
            ready(places, f"/login?token={front.link_word}")
            await stop.wait()
            for listener in listeners:
                listener.close()
            front.sessions.end_all()
            await front.sockets.all_closed()
            await _leave(runner, abort)
            for task in background:
                task.cancel()


@dataclass(frozen=True, slots=True)
class _Front:
    app: Application
    proxy: PanelProxy
    sessions: Sessions
    gatekeeper: Gatekeeper
    notes: Notes
    sockets: SocketProxy
    worker: PanelWorker
    room: Room
    link_word: str


def _made(config: DashboardConfig, behind: Behind, clock: Clock, addresses: Addresses, port: int) -> _Front:
    """Everything, wired."""
    ticks = asyncio.get_running_loop().time
    sessions = Sessions(ticks, _random_word, idle_s=config.session_idle_s, total_s=config.session_total_s)
    cookie = SessionCookie(addresses, port)
    gatekeeper = Gatekeeper(SecretWord(config.api_key), sessions, cookie, Throttle(ticks), behind.people)
    notes = Notes(behind.audit)
    own_files = OwnFiles(ASSETS / "static")
    pages = OwnPages(own_files.version)
    proxy = PanelProxy(config, pages)
    worker = PanelWorker(config.worker_command, config.worker_socket)
    link_word = _random_word()
    link = OneTimeLink(link_word, ticks, config.link_s)
    sockets = SocketProxy(proxy, sessions, addresses)
    room = Room(config.memory_bytes, worker, ticks, open_pages=lambda: sockets.passing)
    handlers = Handlers(
        api=ReadApi(behind.store, worker.is_up, clock),
        login=Login(Means(gatekeeper, sessions, cookie, link, pages, addresses, notes), port, _random_word),
        gatekeeper=gatekeeper,
        proxy=proxy,
        sockets=sockets,
        own_files=own_files,
        worker_files=WorkerFiles(proxy.file),
        reports=behind.reports,
        room=room,
        filters=FilterForms(behind.filters),
    )
    app = application(handlers, Guard(addresses, pages))
    return _Front(app, proxy, sessions, gatekeeper, notes, sockets, worker, room, link_word)


async def _listeners(runner: AppRunner, sockets: Sequence[socket]) -> list[asyncio.Server]:
    server = runner.server
    assert server is not None  # it is set up
    loop = asyncio.get_running_loop()
    return [await loop.create_server(lambda: FrontConnection(server), sock=sock) for sock in sockets]


async def _sweep(sessions: Sessions, gatekeeper: Gatekeeper) -> None:
    """End the sessions whose time is over, or whose person was changed, and with them what they have open."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        sessions.sweep()
        gatekeeper.end_outdated()


async def _leave(runner: AppRunner, abort: asyncio.Event) -> None:
    """Let open answers end, but not against an abort."""
    async with asyncio.TaskGroup() as tasks:
        leaving, aborted = tasks.create_task(runner.cleanup()), tasks.create_task(abort.wait())
        await asyncio.wait({leaving, aborted}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        aborted.cancel()


def _random_word() -> str:
    return secrets.token_urlsafe(_WORD_BYTES)
