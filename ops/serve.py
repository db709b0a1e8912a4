"""How are the services put together? Settings in, a running service out: the composition root.

Every function here is the life of one part (``ops/lifetime.py``): it builds the part from the settings, serves until
it is asked to stop, and returns. What a service needs is made here and handed in; services look nothing up. Imports
stand inside the functions, so that a part loads only what it runs.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from ops import plan, serve_database
from ops.addresses import address_of
from ops.allocator import give_back_large_blocks
from ops.clock import utc_now
from ops.collector import collect_rarely, keep_what_is_there
from ops.configs import Context, dashboard_config, gateway_config, pages_config, shipper_config
from ops.lifetime import Lifetime

if TYPE_CHECKING:
    from ops.db.audit import StoredAudit
    from ops.db.pool import Pool
    from ops.jobs import Job

Life = Callable[[Context, Lifetime], Awaitable[None]]
_DAY_S = 86_400.0
_SECRET_BYTES = 32


async def gateway(context: Context, lifetime: Lifetime) -> None:
    """Bytes through, and into the journal. Needs no database."""
    from gateway.app import serve
    from ops.gateway_access import tell_mode, watched

    def tell(places: Sequence[tuple[str, int]]) -> None:
        collect_rarely()
        give_back_large_blocks()
        lifetime.ready(address_of(*places[0]))

    config = gateway_config(context.settings, context.home, context.sockets, context.name)
    async with watched(context.settings, context.home) as (access, keys):
        tell_mode(config, keys, lifetime)
        await serve(
            config,
            access,
            stop=lifetime.stop,
            abort=lifetime.abort,
            retire=lifetime.retire,
            ready=tell,
        )


async def shipper(context: Context, lifetime: Lifetime) -> None:
    """Journals into the event store; client keys and their usage out of it, for the gateways of this host."""
    from gateway.published import publishing
    from gateway.shipper import ShipperState, run
    from ops.db.event_store import PostgresShipStore
    from ops.db.notifications import Notifier
    from ops.db.ping import watched
    from ops.key_publishing import publishing as publishing_keys
    from ops.part_metrics import ShipperNumbers
    from ops.stores import opened

    config, state = shipper_config(context.settings, context.home), ShipperState()
    numbers = ShipperNumbers(state, config.journal_root, utc_now)
    async with (
        opened(context.database_url, "nexus-shipper") as pool,
        publishing_keys(context.database_url, context.home, utc_now),
        watched(pool, numbers.note_store),
        publishing(context.home.metrics, plan.SHIPPER, numbers.say),
        asyncio.TaskGroup() as tasks,
    ):
        notifier = Notifier(pool)
        announcing = tasks.create_task(notifier.run())
        store = PostgresShipStore(pool, announce=notifier.announce, random_bytes=secrets.token_bytes)
        collect_rarely()
        lifetime.ready()
        await run(config, store, lifetime.stop, state=state)
        announcing.cancel()


async def projector(context: Context, lifetime: Lifetime) -> None:
    """Events into read models; and the timetable. Of several projectors one leads and works, so every job runs once."""
    from gateway.published import publishing
    from ops.db.lease import name_of_leader
    from ops.jobs import timetable
    from ops.leading import asking, work_while_leading
    from ops.part_metrics import ProjectorNumbers
    from ops.projecting import sources
    from ops.stores import opened
    from projections.registry import PROJECTIONS
    from projections.runner import Runner, RunnerState

    state, holder = RunnerState(), UUID(bytes=secrets.token_bytes(16))
    async with (
        opened(context.database_url, name_of_leader(holder), max_size=2 * len(PROJECTIONS) + 4) as pool,
        asking(context.database_url, holder) as standing,
    ):

        async def lead(epoch: int, stop: asyncio.Event) -> None:
            try:
                async with timetable(_jobs(pool), utc_now):
                    await Runner(PROJECTIONS, sources(pool, epoch=epoch), state=state).run(stop)
            finally:
                state.followers.clear()

        numbers = ProjectorNumbers(state, utc_now, leads=lambda: not standing.stands_by)
        collect_rarely()
        lifetime.ready()
        async with publishing(context.home.metrics, plan.PROJECTOR, numbers.say):
            await work_while_leading(standing, lead, lifetime.stop)


async def dashboard(context: Context, lifetime: Lifetime) -> None:
    """Read models onto the screen: the front, which starts and watches the Panel worker."""
    from dashboard.config import refuse_insecure
    from dashboard.front import Behind, serve
    from dashboard.policy_reports import PolicyReports
    from gateway.published import publishing
    from ops.db.saved_filters import StoredFilters
    from ops.part_metrics import DashboardNumbers
    from ops.people_watch import watching
    from ops.stores import data_store, opened

    def tell(places: Sequence[tuple[str, int]], login: str) -> None:
        address = address_of(*places[0])
        collect_rarely()
        give_back_large_blocks()
        lifetime.ready(address, login=f"{address}{login}")

    config = dashboard_config(context.settings, context.home)
    refuse_insecure(config)
    reports = PolicyReports(time.monotonic)
    numbers = DashboardNumbers(lambda: reports.counts)
    async with (
        opened(_readers_url(context), "nexus-dashboard", reads_only=True) as pool,
        publishing(context.home.metrics, plan.DASHBOARD, numbers.say),
        watching(pool, context.database_url, context.home, utc_now) as people,
    ):
        audit, filters = _audit(context), StoredFilters(context.database_url, utc_now)
        behind = Behind(data_store(pool, audit), people, audit, reports, filters)
        await serve(config, behind, clock=utc_now, stop=lifetime.stop, abort=lifetime.abort, ready=tell)


async def panel(context: Context, lifetime: Lifetime) -> None:
    """The Panel worker: builds the pages."""
    from ops.gateway_access import is_managed
    from ops.stores import data_store, opened

    async with opened(_readers_url(context), "nexus-panel", reads_only=True) as pool:
        from dashboard.app import make_server

        logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)  # it warns of "*", which the front makes safe
        wants_key = is_managed(context.settings, context.home)
        pages = pages_config(context.settings, secrets.token_bytes(_SECRET_BYTES), wants_key=wants_key)
        socket = dashboard_config(context.settings, context.home).worker_socket
        server = make_server(data_store(pool, _audit(context)), utc_now, pages, socket)
        server.start()
        keep_what_is_there()
        give_back_large_blocks()
        lifetime.ready()
        await lifetime.stop.wait()
        server.stop()


def _audit(context: Context) -> "StoredAudit":
    from ops.db.audit import StoredAudit

    return StoredAudit(context.database_url, utc_now, lambda: UUID(bytes=secrets.token_bytes(16), version=4))


def _readers_url(context: Context) -> str:
    replica = context.settings.database_read_url
    return replica.get_secret_value() if replica else context.database_url


LIVES: Mapping[str, Life] = MappingProxyType(
    {
        plan.POSTGRES: serve_database.postgres,
        plan.MIGRATE: serve_database.migrate,
        plan.GATEWAY: gateway,
        plan.SHIPPER: shipper,
        plan.PROJECTOR: projector,
        plan.DASHBOARD: dashboard,
        plan.PANEL: panel,
    }
)
NEEDS_DATABASE = frozenset({plan.MIGRATE, plan.SHIPPER, plan.PROJECTOR, plan.DASHBOARD, plan.PANEL})


def _jobs(pool: "Pool") -> tuple["Job", ...]:
    """The timetable."""
    from ops.db.partitions import ensure_partitions
    from ops.jobs import Job

    async def make_partitions() -> None:
        async with pool.acquire(timeout=10) as connection:
            await ensure_partitions(connection, utc_now())

    return (Job("make the partitions of the coming months", every_s=_DAY_S, deadline_s=60, run=make_partitions),)
