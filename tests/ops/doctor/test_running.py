"""What runs: parts that are ill, ports that are taken, records that wait, journals that were left behind."""

import fcntl
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientTimeout
from pydantic import SecretStr

from gateway.journal_reader import SHIPPER_LOCK
from gateway.published import Family, Published, Sample, Seen
from ops.doctor import running
from ops.doctor.findings import Finding, Look, Verdict
from ops.home_lock import Holder
from ops.keys import dashboard_key_file
from ops.run_state import PartNow, RunState
from tests.doctored import files_of, patient, seen
from tests.fake_upstream import Received, Wire, fake_upstream, fixed, head
from tests.journals import JournalOnDisk, tick

HOLDER = Holder("up", 7, "2026-11-22T09:00:00+00:00")


def up(**parts: PartNow) -> dict[str, Any]:
    return {"holder": HOLDER, "running": RunState(7, parts=parts)}


WELL = PartNow("ready", 8)


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ({}, Verdict.OK, "nothing runs on this home"),
        ({"parts": {"gateway": seen()}}, Verdict.OK, "parts that run alone: gateway"),
        ({"holder": HOLDER}, Verdict.OK, "`nexus up` holds the home (pid 7)"),
        (up(gateway=WELL, migrate=PartNow("done")), Verdict.OK, "2 parts are well"),
        (up(gateway=WELL, shipper=PartNow("resting")), Verdict.PROBLEM, "not ready: shipper resting"),
        (up(gateway=PartNow("ready", 8, deaths=3)), Verdict.WARNING, "died several times: gateway (3)"),
        (up(gateway=PartNow("ready", 8, deaths=1)), Verdict.OK, "1 parts are well"),
        ({**up(projector=WELL), "parts": {"projector": seen(19)}}, Verdict.WARNING, "nothing any more: projector"),
    ],
)
async def test_parts(tmp_path: Path, given: dict[str, Any], verdict: Verdict, words: str) -> None:
    found = await running.parts(patient(tmp_path, **given))
    assert found.verdict is verdict
    assert words in found.finding


@pytest.fixture
def taken() -> Any:
    """A port on which somebody listens who never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at(name: str, port: int) -> RunState:
    address = f"http://127.0.0.1:{port}"
    return RunState(7, gateway=address) if name == "gateway" else RunState(7, dashboard=address)


PORTS = [(running.gateway_port, "gateway"), (running.dashboard_port, "dashboard")]


@pytest.mark.parametrize(("look", "name"), PORTS)
async def test_a_port_that_is_free_taken_or_ours(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch, look: Look, name: str
) -> None:
    monkeypatch.setattr(running, "_ASK", ClientTimeout(total=0.3))
    hosts = {f"{name}_host": ("127.0.0.1",)}

    async def found(port: int, **more: Any) -> Finding:
        return await look(patient(tmp_path, **{f"{name}_port": port}, **hosts, **more))

    assert (await found(0)).finding == "any free port will be taken"
    assert (await found(free_port())).verdict is Verdict.OK
    strange = await found(taken)
    assert (strange.verdict, f"NEXUS_{name.upper()}_PORT" in strange.mend) == (Verdict.PROBLEM, True)
    assert "taken by another program" in strange.finding
    async with fake_upstream(fixed(b"{}")) as ours:
        assert (await found(ours.port)).finding == f"answers at http://127.0.0.1:{ours.port}"
        state = at(name, ours.port)
        assert (await found(taken, running=state)).verdict is Verdict.OK
    silent = await found(0, running=at(name, taken))
    assert "nothing answers" in silent.finding


@asynccontextmanager
async def dashboard(key: str) -> AsyncIterator[RunState]:
    async def script(request: Received, wire: Wire) -> None:
        status = b"200 OK" if request.all(b"X-Nexus-Key") == [key.encode()] else b"401 Unauthorized"
        await wire.say(head(status, (b"Content-Length", b"0")))

    async with fake_upstream(script) as fake:
        yield RunState(7, dashboard=fake.url)


async def test_what_browsers_stopped(tmp_path: Path) -> None:
    def said(*stopped: tuple[str, float]) -> dict[str, Seen]:
        samples = tuple(Sample("nexus_csp_violations_total", {"directive": name}, value) for name, value in stopped)
        return {"dashboard": Seen(Published((Family("nexus_csp_violations", "counter", "", samples),)), 0.0)}

    assert (await running.policy_reports(patient(tmp_path))).finding == "no dashboard runs on this home"
    assert (await running.policy_reports(patient(tmp_path, parts=said()))).verdict is Verdict.OK
    found = await running.policy_reports(patient(tmp_path, parts=said(("script-src-elem", 1), ("img-src", 12))))
    assert (found.verdict, "img-src (12), script-src-elem (1)" in found.finding) == (Verdict.WARNING, True)
    assert "logs/dashboard.log" in found.mend


async def test_the_dashboard_s_key(tmp_path: Path) -> None:
    assert (await running.dashboard_key(patient(tmp_path))).verdict is Verdict.OK
    async with dashboard("right") as state:
        one = patient(tmp_path, running=state)
        assert "cannot be read" in (await running.dashboard_key(one)).finding
        path = dashboard_key_file(one.home)
        path.parent.mkdir(parents=True)
        path.write_text("wrong\n")
        refused = await running.dashboard_key(one)
        assert (refused.verdict, "wrong" in refused.finding) == (Verdict.PROBLEM, False)
        assert "refuses the key" in refused.finding
        path.write_text("right\n")
        assert (await running.dashboard_key(one)).finding == f"the read API takes the key of {path}"
        set_here = patient(tmp_path, running=state, dashboard_api_key=SecretStr("right"))
        assert "DASHBOARD_API_KEY" in (await running.dashboard_key(set_here)).finding
    assert "nothing" in (await running.dashboard_key(one)).finding


@pytest.mark.parametrize(
    ("look", "given", "verdict", "words"),
    [
        (running.recording, {"storage_enabled": False}, Verdict.WARNING, "STORAGE_ENABLED"),
        (running.recording, {}, Verdict.OK, "no gateway runs"),
        (running.recording, {"parts": {"gateway": seen(nexus_recording=1)}}, Verdict.OK, "without gaps"),
        (
            running.recording,
            {"parts": {"gateway": seen(nexus_recording=1, nexus_recording_gaps_total=3)}},
            Verdict.WARNING,
            "3 recording gaps",
        ),
        (
            running.recording,
            {"parts": {"gateway": seen(nexus_recording=1, nexus_journal_trouble=1)}},
            Verdict.PROBLEM,
            "refuses records",
        ),
        (running.shipping, {}, Verdict.OK, "no shipper runs"),
        (running.shipping, {"parts": {"shipper": seen(nexus_ship_lag_seconds=29)}}, Verdict.OK, "nothing waits"),
        (running.shipping, {"parts": {"shipper": seen(nexus_ship_lag_seconds=31)}}, Verdict.PROBLEM, "31 s behind"),
        (running.shipping, {"parts": {"shipper": seen(nexus_store_up=0)}}, Verdict.PROBLEM, "the database is away"),
        (running.projecting, {}, Verdict.OK, "no projector runs"),
        (
            running.projecting,
            {"parts": {"projector": seen(nexus_projection_lag_events__a=9, nexus_projection_lag_seconds__a=31)}},
            Verdict.WARNING,
            "a (9 events, 31 s)",
        ),
        (
            running.projecting,
            {"parts": {"projector": seen(nexus_projection_lag_events__a=9, nexus_projection_lag_seconds__a=3)}},
            Verdict.OK,
            "pages show everything",
        ),
    ],
)
async def test_what_the_parts_publish(
    tmp_path: Path, look: Look, given: dict[str, Any], verdict: Verdict, words: str
) -> None:
    found = await look(patient(tmp_path, **given))
    assert found.verdict is verdict
    assert words in found.finding
    assert bool(found.mend) is (verdict is not Verdict.OK)


async def test_journals_of_living_and_of_dead_workers(tmp_path: Path) -> None:
    one = patient(tmp_path)
    assert (await running.journals(one)).finding == "no journal was left behind"
    disk = JournalOnDisk(one.home.journals)
    disk.write([tick(1)])
    assert (await running.journals(one)).verdict is Verdict.OK
    disk.die()
    before = files_of(tmp_path)
    found = await running.journals(one)
    assert found.finding.startswith("1 journals of dead workers wait (0.0 MB")
    assert files_of(tmp_path) == before, "the doctor makes no lock files"
    lock = disk.directory / SHIPPER_LOCK
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert (await running.journals(one)).verdict is Verdict.OK, "a shipper is at it"
    os.close(descriptor)


async def test_a_journal_that_nobody_can_read(tmp_path: Path) -> None:
    one = patient(tmp_path)
    (one.home.journals / "unreadable-x").mkdir(parents=True)
    found = await running.journals(one)
    assert (found.verdict, "another format" in found.finding) == (Verdict.WARNING, True)
