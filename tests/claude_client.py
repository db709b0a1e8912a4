"""The real Claude Code, for tests: where it is, and how it is run with nothing of this machine but what we give it."""

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.requirements import given, missing

FAKE_KEY = "sk-ant-test-fake"
TIMEOUT_S = 120.0
_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_MODULES = Path(__file__).parents[1] / ".tools" / "claude" / "node_modules" / "@anthropic-ai"


def claude_program() -> Path:
    """Where it should be: ``NEXUS_CLAUDE_BIN``, or where ``.ci/run`` installs it."""
    chosen = given("NEXUS_CLAUDE_BIN")
    system, machine = platform.system().lower(), _ARCHITECTURES.get(platform.machine(), platform.machine())
    return Path(chosen) if chosen else _MODULES / f"claude-code-{system}-{machine}" / "claude"


@pytest.fixture(scope="session")
def claude_code() -> Path:
    """The program; the test is skipped without it, or fails if NEXUS_REQUIRE_CLAUDE is 1."""
    program = claude_program()
    if not program.is_file():
        missing(f"Claude Code ({program})", "set NEXUS_CLAUDE_BIN, or see .ci/run", required_by="NEXUS_REQUIRE_CLAUDE")
    return program


def clean_environment(base_url: str, home: Path) -> dict[str, str]:
    """Everything the client gets to see: a home of its own, a fake key, and no traffic but to ``base_url``."""
    return {
        "PATH": given("PATH"),
        "HOME": str(home),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": FAKE_KEY,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def client_command(prompt: str, *args: str) -> list[str]:
    """One prompt, answered in print mode."""
    return [str(claude_program()), "-p", prompt, "--output-format", "stream-json", "--verbose", *args]


def run_claude(
    base_url: str, prompt: str, *, home: Path, project: Path, args: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """One prompt, answered or failed; what it prints is one JSON object a line."""
    for folder in (home, project):
        folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        client_command(prompt, *args),
        env=clean_environment(base_url, home),
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
