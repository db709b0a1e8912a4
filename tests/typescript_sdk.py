"""Anthropic's TypeScript SDK, for tests: where it is, and how its callers' script is run."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import given, missing

_TESTS = Path(__file__).parent
_ENTRY = _TESTS.parent / ".tools" / "sdk" / "node_modules" / "@anthropic-ai" / "sdk" / "index.mjs"
_CALLS = _TESTS / "sdk_typescript" / "calls.mjs"
_TIMEOUT_S = 120.0


@pytest.fixture(scope="session")
def typescript_sdk() -> Path:
    """Its entry module; the test is skipped without it or without node, or fails if NEXUS_REQUIRE_CLAUDE is 1."""
    if shutil.which("node") is None or not _ENTRY.is_file():
        missing("Node with the TypeScript SDK", "see .ci/run", required_by="NEXUS_REQUIRE_CLAUDE")
    return _ENTRY


def run_typescript_sdk(entry: Path, base_url: str, key: str = "sk-ant-api03-not-a-key") -> dict[str, Any]:
    """What the script's callers get, by the call's name."""
    done = subprocess.run(
        ["node", str(_CALLS), entry.as_uri(), base_url, key],
        env={"PATH": given("PATH"), "NO_PROXY": "127.0.0.1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, Any] = json.loads(done.stdout)
    return outcomes
