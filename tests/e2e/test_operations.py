"""Whoever runs it sees how it is: health and numbers through an outage, status, doctor, and logs without secrets."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.proxies import proxied
from tests.scripted_api import scripted_api, text
from tests.stack import Stack, stack
from tests.waiting import until_true

PROMISED = {
    "nexus_requests", "nexus_open_streams", "nexus_request_bytes", "nexus_response_bytes",
    "nexus_added_latency_seconds", "nexus_rejected_requests", "nexus_ship_lag_seconds", "nexus_ship_lag_bytes",
    "nexus_projection_lag_events", "nexus_projection_lag_seconds", "nexus_recording_gaps", "nexus_swallowed_errors",
    "nexus_deferred", "nexus_tokens", "nexus_build_info", "nexus_store_up", "nexus_part_up",
    "process_resident_memory_bytes", "process_open_fds",
}  # fmt: skip
PARTS = {"gateway", "shipper", "projector", "dashboard"}
CANARY = "canary-5f2d9b"
EVIL = f"{CANARY}%0d%0a%1b[31m%e2%80%ae"


async def fetched(running: Stack, path: str, accept: str = "*/*") -> tuple[int, str]:
    async with (
        ClientSession() as session,
        session.get(f"{running.gateway}{path}", headers={"Accept": accept}) as response,
    ):
        return response.status, await response.text()


async def readiness(running: Stack) -> tuple[int, str, list[str]]:
    status, body = await fetched(running, "/health/ready")
    said = json.loads(body)
    return status, said["status"], said["reasons"]


async def numbers(running: Stack) -> dict[tuple[str, str, str], float]:
    """(name, part, the other label's value) → value."""
    _, page = await fetched(running, "/metrics")
    return {
        (one.name, one.labels.pop("part"), next(iter(one.labels.values()), "")): one.value
        for family in prometheus(page)
        for one in family.samples
        if "le" not in one.labels
    }


async def ask(running: Stack, prompt: str = "hello", **headers: str) -> None:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    async with (
        ClientSession() as session,
        session.post(f"{running.gateway}/v1/messages", json=body, headers=headers) as response,
    ):
        await response.read()


async def is_so(running: Stack, holds: Callable[[tuple[int, str, list[str]]], bool]) -> bool:
    return holds(await readiness(running))


@pytest.mark.bar(78)
async def test_an_outage_of_the_database_is_told_and_never_a_503(tmp_path: Path, empty_database: str) -> None:
    """Test 78, with the whole product. No request comes during the outage: it is noticed all the same."""
    async with (
        proxied(empty_database) as proxy,
        scripted_api({}) as api,
        stack(tmp_path, api.url, DATABASE_URL=proxy.dsn) as running,
    ):
        await ask(running)
        await running.requests(1)
        await until_true(lambda: is_so(running, lambda said: said == (200, "ok", [])), "all to be well")
        await until_true(lambda: tells_all(running), "every part's numbers")
        _, page = await fetched(running, "/metrics", "application/openmetrics-text;version=1.0.0")
        assert {family.name for family in open_metrics(page)} >= PROMISED  # type: ignore[no-untyped-call]  # theirs
        proxy.freeze()
        await until_true(
            lambda: is_so(running, lambda said: any("database is away" in one for one in said[2])), "the outage"
        )
        assert (await readiness(running))[:2] == (200, "degraded")
        assert (await fetched(running, "/health/live"))[0] == 200
        status = json.loads(await running.command("status", "--json", code=1))
        assert status["numbers"]["store"] == "away"
        doctor = checked(await running.command("doctor", "running", "--json", code=1))
        assert doctor["shipping"]["verdict"] == "problem"
        proxy.thaw()
        await until_true(lambda: is_so(running, lambda said: said[1] == "ok"), "the database to be back")


async def tells_all(running: Stack) -> bool:
    found = await numbers(running)
    names = {name.removesuffix("_total").removesuffix("_count") for name, _, _ in found}
    return names >= PROMISED and {part for _, part, _ in found} == PARTS


def checked(report: str) -> dict[str, Any]:
    return {one["check"]: one for one in json.loads(report)}


async def test_what_runs_well_is_said_to_run_well_and_no_log_tells_what_was_sent(tmp_path: Path) -> None:
    """With canaries in path, headers, body and answer, malformed requests among them, and DEBUG on."""
    answers = {"leak": [[text(f"answer {CANARY}")]]}
    async with scripted_api(answers) as api, stack(tmp_path, api.url, DEBUG="1") as running:
        await ask(running, f"@@leak {CANARY}", **{"x-api-key": CANARY, "User-Agent": f"odd {CANARY}"})
        await running.requests(1)
        async with ClientSession() as session, session.get(f"{running.gateway}/v1/{EVIL}?key={CANARY}") as response:
            await response.read()
        await malformed(running, 200)
        await until_true(lambda: is_so(running, lambda said: said[1] == "ok"), "all to be well")
        await until_true(lambda: tells_all(running), "every part's numbers")
        status = json.loads(await running.command("status", "--json"))
        assert (status["numbers"]["recording"], status["numbers"]["store"]) == ("on", "up")
        doctor = checked(await running.command("doctor", "running", "store", "--json"))
        assert {one["verdict"] for one in doctor.values()} == {"ok"}, doctor
        found = await numbers(running)
        assert found["nexus_rejected_requests_total", "gateway", "malformed"] == 200
        assert found["nexus_tokens_total", "projector", "output"] > 0
        assert CANARY not in (await fetched(running, "/metrics"))[1]
    logs = b"".join(path.read_bytes() for path in (running.home / "logs").iterdir())
    assert CANARY.encode() not in logs
    assert len(logs) < 1_000_000
    lines = [line for name in ("gateway", "shipper", "projector") for line in log_lines(running.home, name)]
    assert all(len(line) <= 8192 and line.isascii() and json.loads(line) for line in lines)


def log_lines(home: Path, part: str) -> list[bytes]:
    return (home / "logs" / f"{part}.log").read_bytes().splitlines()


async def malformed(running: Stack, count: int) -> None:
    """Requests that the parser refuses, with what it would like to quote."""

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.gateway_port)
        writer.write(f"GET /{CANARY} HTTP/1.1\r\nHost: x\r\nbad header {CANARY}\r\n\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(one())
