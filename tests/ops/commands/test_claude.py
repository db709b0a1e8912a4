"""``nexus claude``: a stand-in for Claude Code gets everything untouched, and an environment that leads to us."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.commands.claude import GatewayAwayError, check_answers, find_claude, gateway_address, printed
from ops.home import prepare
from ops.home_lock import held, me
from ops.settings import Settings, inherited

NEXUS = [sys.executable, "-P", "-m", "ops.cli", "claude"]
STAND_IN = f"""#!{sys.executable}
import json, os, signal, sys
if "--wait" in sys.argv:
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(17))
    print(os.getpid(), flush=True)
    signal.pause()
print(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ), "tty": sys.stdin.isatty()}}))
sys.exit(7)
"""


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def environment(tmp_path: Path, gateway: str) -> dict[str, str]:
    """A folder with a stand-in called ``claude`` on the PATH, and a home of its own."""
    (tmp_path / "bin dir").mkdir()
    stand_in = tmp_path / "bin dir" / "claude"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return {
        "PATH": f"{stand_in.parent}:{inherited({})['PATH']}",
        "HOME": str(tmp_path),
        "NEXUS_HOME": str(tmp_path / "home"),
        "NEXUS_GATEWAY_PORT": gateway.rpartition(":")[2],
        "ANTHROPIC_API_KEY": "sk-ant-of-the-user",
    }


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NEXUS, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("words", [["-p", "hello there", "--resume", "x"], ["--help"], ["--", "--print-env", ""], []])
def test_arguments_exit_code_and_environment_are_passed_through(
    environment: dict[str, str], gateway: str, words: list[str]
) -> None:
    done = run(environment, *words)
    seen = json.loads(done.stdout)
    assert seen["argv"] == words
    assert done.returncode == 7
    added = {
        name: value for name, value in seen["env"].items() if environment.get(name) != value and name != "LC_CTYPE"
    }
    assert added == {"ANTHROPIC_BASE_URL": gateway, "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"}
    assert seen["env"]["ANTHROPIC_API_KEY"] == "sk-ant-of-the-user"


KEY = "cnx_abcdefgh_" + "k" * 43 + "_00000000"


def test_in_managed_mode_it_shows_the_client_key(environment: dict[str, str]) -> None:
    done = run(environment | {"NEXUS_MODE": "managed", "NEXUS_CLIENT_KEY": KEY})
    assert json.loads(done.stdout)["env"]["ANTHROPIC_AUTH_TOKEN"] == KEY
    assert done.stderr == ""


def test_in_managed_mode_without_a_key_it_says_what_is_missing(environment: dict[str, str]) -> None:
    done = run(environment | {"NEXUS_MODE": "managed"})
    assert "ANTHROPIC_AUTH_TOKEN" not in json.loads(done.stdout)["env"]
    assert done.stderr.count("\n") == 1
    assert "set NEXUS_CLIENT_KEY" in done.stderr


@pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"])
def test_a_client_key_in_the_environment_will_do(environment: dict[str, str], name: str) -> None:
    done = run(environment | {"NEXUS_MODE": "managed", name: KEY})
    assert json.loads(done.stdout)["env"][name] == KEY
    assert done.stderr == ""


def test_in_pass_through_no_client_key_is_shown(environment: dict[str, str]) -> None:
    done = run(environment | {"NEXUS_CLIENT_KEY": KEY})
    assert "ANTHROPIC_AUTH_TOKEN" not in json.loads(done.stdout)["env"]


def test_print_env_shows_where_a_key_belongs(environment: dict[str, str]) -> None:
    managed = environment | {"NEXUS_MODE": "managed"}
    assert "nexus keys create" in json.loads(run(managed, "--print-env", "json").stdout)["env"]["ANTHROPIC_AUTH_TOKEN"]
    assert f"export ANTHROPIC_AUTH_TOKEN={KEY}\n" in run(managed | {"NEXUS_CLIENT_KEY": KEY}, "--print-env").stdout


def test_it_becomes_claude_code_so_that_signals_reach_it(environment: dict[str, str]) -> None:
    with subprocess.Popen([*NEXUS, "--wait"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGUSR1)
    assert process.returncode == 17


def test_the_terminal_is_claude_codes(environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([*NEXUS], env=environment, stdin=theirs, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert json.loads(process.stdout.read())["tty"]
    os.close(ours)
    os.close(theirs)


def test_behind_a_company_proxy_the_gateway_is_asked_directly(environment: dict[str, str], gateway: str) -> None:
    proxied = environment | {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    seen = json.loads(run(proxied).stdout)
    assert seen["env"]["NO_PROXY"] == seen["env"]["no_proxy"] == "127.0.0.1,localhost,::1"
    assert seen["env"]["ANTHROPIC_BASE_URL"] == gateway


def test_a_setting_that_leads_past_the_gateway_is_pointed_out(environment: dict[str, str]) -> None:
    done = run(environment | {"CLAUDE_CODE_USE_BEDROCK": "1"})
    assert done.returncode == 7
    assert "nexus: CLAUDE_CODE_USE_BEDROCK is set" in done.stderr


def test_an_env_file_of_somebodys_project_is_not_read(environment: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text("NEXUS_GATEWAY_PORT=1\nDATABASE_URL=mysql://theirs\n")
    done = subprocess.run([*NEXUS], env=environment, capture_output=True, timeout=30, check=False, cwd=project)
    assert done.returncode == 7


def test_without_claude_code_it_says_how_to_get_it(environment: dict[str, str]) -> None:
    done = run(environment | {"PATH": "/nowhere"})
    assert done.returncode == 2
    assert done.stderr.startswith("nexus: Claude Code is not installed")
    assert "npm install" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_gateway_it_says_how_to_start_one(environment: dict[str, str]) -> None:
    done = run(environment | {"NEXUS_GATEWAY_PORT": "1"})
    assert done.returncode == 1
    assert done.stderr == "nexus: No gateway answers at http://127.0.0.1:1. Start it with `nexus up`.\n"


def test_another_claude_code_may_be_chosen(tmp_path: Path) -> None:
    program = tmp_path / "my-claude"
    program.write_text("#!/bin/sh\n")
    settings = Settings.model_construct(claude_bin=program)
    with pytest.raises(SetupError, match=r"NEXUS_CLAUDE_BIN is .*my-claude, which is no program"):
        find_claude(settings)
    program.chmod(0o755)
    assert find_claude(settings) == str(program)


def test_print_env_needs_neither_claude_code_nor_a_gateway(environment: dict[str, str]) -> None:
    nothing_there = environment | {"PATH": "/nowhere", "NEXUS_GATEWAY_PORT": "4321"}
    shell = run(nothing_there, "--print-env")
    assert shell.stdout == (
        "export ANTHROPIC_BASE_URL=http://127.0.0.1:4321\nexport CLAUDE_CODE_GATEWAY_HINT_HEADERS=1\n"
    )
    snippet = run(nothing_there, "--print-env", "json")
    assert json.loads(snippet.stdout)["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4321"


def test_print_env_takes_json_or_nothing() -> None:
    with pytest.raises(SetupError, match="takes nothing else, or `json`"):
        printed(["yaml"], "http://127.0.0.1:3000")


def test_the_running_gateway_wins_over_the_settings(tmp_path: Path) -> None:
    settings = Settings.model_construct(home=tmp_path, gateway_host=("0.0.0.0",), gateway_port=3000)
    assert gateway_address(settings) == "http://127.0.0.1:3000"
    with held(prepare(tmp_path), me("up", gateway="http://127.0.0.1:4242")):
        assert gateway_address(settings) == "http://127.0.0.1:4242"
    with held(prepare(tmp_path), me("migrate")):
        assert gateway_address(settings) == "http://127.0.0.1:3000"


def test_something_that_is_no_gateway_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0\r\n\r\n")
            connection.close()

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(GatewayAwayError, match="No gateway answers"):
            check_answers(f"http://127.0.0.1:{server.getsockname()[1]}")
