"""The composition root: each part is put together, says that it serves, and ends when it is asked to."""

import asyncio
import socket
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from credentials import usage_counts
from credentials.key_watch import KeyWatch
from credentials.usage_counts import USAGE_NAME
from domain.errors import SetupError
from domain.limits import Limits
from gateway import published
from ops import plan, serve
from ops.configs import Context, dashboard_config
from ops.db import client_keys
from ops.db.client_keys import limit_account
from ops.db.daemon_thread import in_daemon_thread
from ops.db.dsn import parse_dsn
from ops.home import Home, prepare
from ops.keys import dashboard_key
from ops.lifetime import Lifetime
from ops.serve_database import migrated
from ops.supervision_types import Part
from tests.fake_upstream import fake_upstream, fixed
from tests.key_samples import NOON, new_key
from tests.living import living, settings
from tests.waiting import until, until_true

EVENTS_OF = "SELECT topic FROM nexus_events ORDER BY notification_id"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


async def post(url: str) -> bytes:
    async with aiohttp.ClientSession() as client, client.post(url, data=b'{"model":"m"}') as answer:
        return await answer.read()


async def test_what_passes_the_gateway_is_shipped_into_the_event_store(home: Home, migrated_database: str) -> None:
    async with fake_upstream(fixed(b'{"type":"message"}')) as upstream:
        context = Context(settings(upstream_url=upstream.url), home, migrated_database)
        async with living(plan.GATEWAY, context) as gateway, living(plan.SHIPPER, context):
            assert await post(f"{gateway.address}/v1/messages?beta=true") == b'{"type":"message"}'
            connection = await asyncpg.connect(parse_dsn(migrated_database).for_asyncpg())
            topics: list[str] = []
            while "response-completed" not in topics:
                topics = [row["topic"] for row in await connection.fetch(EVENTS_OF)]
            await connection.close()
    assert topics == ["request-received", "response-started", "chunk-streamed", "response-completed"]


async def test_beside_the_shipper_client_keys_reach_this_host(home: Home, migrated_database: str) -> None:
    context = Context(settings(), home, migrated_database)
    async with living(plan.SHIPPER, context):
        await in_daemon_thread(partial(client_keys.issue, migrated_database, new_key(), who="ada", at=NOON))
        await in_daemon_thread(partial(limit_account, migrated_database, "acme", tokens_limited, who="ada", at=NOON))
        watch = KeyWatch(home.keys)

        async def knows_limits() -> bool:
            await watch.look()
            return bool(watch.current.account_limits)

        await until_true(knows_limits, "the keys and limits")
        assert list(watch.current.keys) == [new_key().key_id]
        await until(lambda: usage_counts.read(home.run / USAGE_NAME), "the usage that the limit needs")


def tokens_limited(_limits: Limits) -> Limits:
    return Limits(tokens_per_hour=1000)


async def test_the_gateway_alone_needs_no_database(home: Home) -> None:
    async with fake_upstream(fixed(b"ok")) as upstream:
        context = Context(settings(upstream_url=upstream.url), home)
        async with living(plan.GATEWAY, context) as ready:
            assert await post(f"{ready.address}/anything") == b"ok"
    assert list(home.journals.iterdir()), "the journal waits for a shipper"


async def test_an_upstream_that_is_not_allowed_is_refused_before_anything_listens(home: Home) -> None:
    context = Context(settings(upstream_url="http://10.1.2.3"), home)
    with pytest.raises(SetupError, match="NEXUS_ALLOW_UPSTREAM"):
        await serve.gateway(context, Lifetime())
    allowed = Context(settings(upstream_url="http://10.1.2.3", allow_upstream=("10.1.2.3",)), home)
    async with living(plan.GATEWAY, allowed) as ready:
        assert ready.address.startswith("http://127.0.0.1:")


async def test_the_projector_keeps_the_timetable(home: Home, empty_database: str) -> None:
    await migrated(empty_database)
    connection = await asyncpg.connect(parse_dsn(empty_database).for_asyncpg())
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'chunks'::regclass"
    before = {row[0] for row in await connection.fetch(query)}
    newest = max(before - {"chunks_default"})
    await connection.execute(f"DROP TABLE {newest}")
    async with living(plan.PROJECTOR, Context(settings(), home, empty_database)):
        while {row[0] for row in await connection.fetch(query)} != before:
            pass
    await connection.close()


async def test_the_dashboard_says_how_to_log_in_keeps_its_worker_and_takes_it_along(
    home: Home, migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)  # for the worker, which is a process of its own
    monkeypatch.setenv("NEXUS_HOME", str(home.root))
    context = Context(settings(dashboard_host=("127.0.0.1",)), home, migrated_database)
    async with living(plan.DASHBOARD, context) as ready:
        assert ready.login.startswith(f"{ready.address}/login?token=")
        headers = {"X-Nexus-Key": dashboard_key(home)}
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{ready.address}/api/requests", headers=headers) as answer,
        ):
            assert (answer.status, await answer.json()) == (200, {"items": [], "next_cursor": None})
            report = {"csp-report": {"effective-directive": "img-src"}}
            async with client.post(f"{ready.address}/csp-report", json=report) as taken:
                assert taken.status == 204
        stopped = {"directive": "img-src"}
        await until(
            lambda: said(home, plan.DASHBOARD).value("nexus_csp_violations_total", **stopped) == 1, "the report's count"
        )
        await until(lambda: is_listening(dashboard_config(context.settings, home).worker_socket), "the Panel worker")
    assert not is_listening(dashboard_config(context.settings, home).worker_socket)


def is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("part", [plan.MIGRATE, plan.DASHBOARD])
async def test_every_part_ends_when_it_is_asked_to(home: Home, migrated_database: str, part: str) -> None:
    lifetime = Lifetime()
    lifetime.ask_to_stop()
    async with asyncio.timeout(30):
        await serve.LIVES[part](Context(settings(), home, migrated_database), lifetime)


def test_every_part_of_the_plan_has_a_life_and_the_database_it_needs() -> None:
    parts: tuple[Part, ...] = plan.parts_of(settings())
    assert {*(part.name for part in parts), plan.PANEL} == set(serve.LIVES)
    assert {part.name for part in parts if part.after and part.name != plan.POSTGRES} == serve.NEEDS_DATABASE - {
        plan.PANEL
    }


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (plan.GATEWAY, "nexus_open_streams"),
        (plan.SHIPPER, "nexus_ship_lag_seconds"),
        (plan.PROJECTOR, "nexus_projection_lag_events"),
        (plan.DASHBOARD, "nexus_build_info"),
    ],
)
async def test_a_part_publishes_its_numbers_while_it_runs(
    home: Home, migrated_database: str, part: str, name: str
) -> None:
    async with living(part, Context(settings(dashboard_host=("127.0.0.1",)), home, migrated_database)):
        await until(lambda: list(said(home, part).samples(name)), f"{name} of {part}")
    assert part not in published.read(home.metrics, published.wall_clock())


def said(home: Home, part: str) -> published.Published:
    seen = published.read(home.metrics, published.wall_clock()).get(part)
    return seen.published if seen else published.Published()
