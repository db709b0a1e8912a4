"""One part in the foreground, alone: what it says, how it stops, and what it needs."""

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops import plan
from ops.commands import run_part
from ops.settings import inherited


def start(part: str, home: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    environment = inherited(
        {"NEXUS_HOME": str(home), "NEXUS_GATEWAY_PORT": "0", "NEXUS_GATEWAY_HOST": "127.0.0.1", **more}
    )
    environment.pop("DATABASE_URL", None)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "ops.cli", part, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home.parent,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_alone_says_where_it_serves_and_drains_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with start("gateway", tmp_path / "home") as process:
        assert process.stderr
        words = process.stderr.readline().split()
        assert words[:4] == ["nexus:", "gateway", "is", "ready"]
        with urllib.request.urlopen(f"{words[4]}/health/live", timeout=5) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()


def test_a_part_without_a_database_is_one_line(tmp_path: Path) -> None:
    with start("shipper", tmp_path / "home") as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith("nexus: `nexus shipper` alone needs a database")
    assert errors.count("\n") == 1


def test_a_supervised_part_reports_in_json_and_goes_with_its_supervisor(tmp_path: Path) -> None:
    with start("gateway", tmp_path / "home", "--supervised") as process:  # standard input has ended already
        output, errors = process.communicate(timeout=30)
    assert output.startswith('{"type":"ready","address":"http://127.0.0.1:')
    assert process.returncode == 0
    assert errors == ""


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    with start("gateway", tmp_path / "home") as first:
        assert first.stderr
        port = first.stderr.readline().strip().rpartition(":")[2]
        with start("gateway", tmp_path / "home", NEXUS_GATEWAY_PORT=port) as second:
            _, errors = second.communicate(timeout=30)
        first.terminate()
    assert second.returncode == 2
    assert errors.startswith(f"nexus: Port {port} is in use")


AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] = "1", str(os.getpid())
os.execv(sys.executable, [sys.executable, "-P", "-m", "ops.cli", "gateway"])
"""


def test_a_gateway_alone_serves_on_the_socket_that_systemd_opened_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", AS_SYSTEMD, str(opened.fileno())],
            env=inherited({"NEXUS_HOME": str(tmp_path / "home"), "NEXUS_GATEWAY_PORT": "1"}),
            pass_fds=[opened.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        with process, urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=20) as answer:
            assert answer.status == 200
            process.terminate()
            assert process.wait(30) == 0
            assert process.stderr
            assert process.stderr.read() == f"nexus: gateway is ready http://127.0.0.1:{port}\n"
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), "the port is systemd's and stays open"


def test_a_socket_that_is_none_is_one_line(tmp_path: Path) -> None:
    with start("gateway", tmp_path / "home", "--socket=0") as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors == "nexus: Descriptor 0 is no listening TCP socket; hand one over, or let Nexus open its own.\n"


def test_under_a_supervisor_all_but_the_gateway_let_sessions_go_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int] = []

    def stop(_: Path) -> None:
        raise SetupError("far enough")

    def nice(more: int) -> int:
        asked.append(more)
        return sum(asked)

    monkeypatch.setattr("os.nice", nice)
    monkeypatch.setattr("ops.priority.PROC", tmp_path)
    monkeypatch.setattr(run_part, "load", stop)
    for part, supervised in (
        ("gateway", True),
        ("gateway-2", True),
        ("shipper", False),
        ("dashboard", True),
        ("panel", True),
    ):
        with pytest.raises(SetupError):
            run_part.run(part, supervised=supervised)
    assert [more for more in asked if more] == [plan.NICENESS]
