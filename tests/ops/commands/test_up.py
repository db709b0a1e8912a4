"""``nexus up`` as a process: what it says, whom it starts, and one line for each way it cannot begin.

Recording is off where a test is about ``up`` alone: then the gateway is all there is to start.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ops.db.embedded import EmbeddedPostgres
from ops.run_state import RunState
from ops.settings import inherited
from tests.waiting import until_sync

Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **environment: str) -> subprocess.Popen[str]:
        ours = {name: value for name, value in inherited({}).items() if not name.startswith("NEXUS_")}
        base = {"NEXUS_HOME": str(tmp_path / "home"), "NEXUS_GATEWAY_PORT": "0", "NEXUS_DASHBOARD_PORT": "0"}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.cli", "up", *words],
            env=ours | {"STORAGE_ENABLED": "false", **base, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def answers(gateway: str) -> bool:
    try:
        with urllib.request.urlopen(f"{gateway}/health/live", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_it_serves_says_where_and_stops_cleanly(up: Up, tmp_path: Path) -> None:
    process = up("--json-ready", "--workers", "2")
    said = ready(process)
    assert said["home"] == str(tmp_path / "home")
    state = msgspec.json.decode((tmp_path / "home" / "run" / "state.json").read_bytes(), type=RunState)
    assert set(state.parts) == {"gateway", "gateway-2"}
    assert answers(said["gateway"])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not answers(said["gateway"])


def test_it_prints_the_exact_lines_for_claude_code(up: Up) -> None:
    process = up()
    process_said: list[str] = []
    assert process.stdout
    for line in process.stdout:
        process_said.append(line.strip())
        if line.startswith("Ctrl-C"):
            break
    (gateway,) = [line.split()[1] for line in process_said if line.startswith("Gateway")]
    assert f"export ANTHROPIC_BASE_URL={gateway}" in process_said
    assert "export CLAUDE_CODE_GATEWAY_HINT_HEADERS=1" in process_said


def test_a_second_one_says_who_holds_the_home(up: Up) -> None:
    first = up("--json-ready")
    gateway = ready(first)["gateway"]
    second = up()
    _, errors = second.communicate(timeout=30)
    assert second.returncode == 1
    assert errors.startswith("nexus: `nexus up` already runs on ")
    assert f"pid {first.pid}" in errors
    assert gateway in errors


def test_after_a_kill_nothing_is_left_and_the_next_one_serves_at_the_same_address(up: Up, tmp_path: Path) -> None:
    first = up("--json-ready")
    gateway = ready(first)["gateway"]
    state = msgspec.json.decode((tmp_path / "home/run/state.json").read_bytes(), type=RunState)
    pid = state.parts["gateway"].pid
    assert pid
    first.kill()
    second = up("--json-ready", NEXUS_GATEWAY_PORT=gateway.rpartition(":")[2])
    assert ready(second)["gateway"] == gateway
    until_sync(lambda: not Path(f"/proc/{pid}").exists() or not _runs(pid), "the end of the old gateway")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_busy_port_is_one_line_that_names_the_variable(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = up(NEXUS_DASHBOARD_PORT=str(port))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith(f"nexus: Port {port} on 127.0.0.1 is taken by another program.")
    assert "NEXUS_DASHBOARD_PORT" in errors
    assert errors.count("\n") == 1


@pytest.mark.bar(66)
def test_an_insecure_start_is_one_line_and_nothing_runs(up: Up, tmp_path: Path) -> None:
    process = up(NEXUS_DASHBOARD_HOST="127.0.0.1,0.0.0.0", DASHBOARD_API_KEY=" too-short-a-key  ")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith("nexus: DASHBOARD_API_KEY has fewer than 16 characters and others can reach 0.0.0.0.")
    assert errors.count("\n") == 1
    assert not (tmp_path / "home/run/state.json").exists()


def test_an_unwritable_home_is_one_line(up: Up) -> None:
    process = up(NEXUS_HOME="/proc/nexus")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith("nexus: NEXUS_HOME /proc/nexus cannot be written")
    assert errors.count("\n") == 1


def test_a_misspelled_setting_is_pointed_out(up: Up) -> None:
    process = up(NEXUS_GATEWAY_PROT="1", NEXUS_DRAIN_S="no")
    _, errors = process.communicate(timeout=30)
    assert errors.startswith("nexus: NEXUS_DRAIN_S cannot be used")
    process = up(NEXUS_GATEWAY_PROT="1", NEXUS_HOME="/proc/nexus")
    _, errors = process.communicate(timeout=30)
    assert errors.splitlines()[0] == "nexus: NEXUS_GATEWAY_PROT is no setting; did you mean NEXUS_GATEWAY_PORT?"


def test_a_wrong_database_url_is_one_line(up: Up, postgres_server: EmbeddedPostgres) -> None:
    process = up(STORAGE_ENABLED="true", DATABASE_URL=postgres_server.dsn_of("no_such_database"))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    (line,) = [line for line in errors.splitlines() if line.startswith("nexus:")]
    assert line.startswith("nexus: DATABASE_URL: ")
    assert "no_such_database" in line
    assert "Traceback" not in errors


def test_a_database_server_that_is_down_is_waited_for(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    process = up(STORAGE_ENABLED="true", DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{free}/none")
    assert process.stderr
    line = ""
    while "migrate ended with exit code 1" not in line:
        line = process.stderr.readline()
        assert line, "it gave up"
        assert "secret" not in line
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_database_of_another_major_version_in_the_home_is_one_line(up: Up, tmp_path: Path) -> None:
    data = tmp_path / "home/postgres/data"
    data.mkdir(parents=True, mode=0o700)
    (data / "PG_VERSION").write_text("9\n")
    process = up(STORAGE_ENABLED="true")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    (line,) = [line for line in errors.splitlines() if line.startswith("nexus:")]
    assert "9" in line
    assert "Traceback" not in errors
