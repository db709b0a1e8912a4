"""What would lead Claude Code past the gateway is named."""

import json
from pathlib import Path

import pytest

from ops.doctor import client
from ops.doctor.findings import Verdict
from ops.run_state import RunState
from tests.doctored import patient

OURS = "http://127.0.0.1:3000"


@pytest.mark.parametrize(
    ("environment", "verdict"),
    [
        ({}, Verdict.OK),
        ({"ANTHROPIC_BASE_URL": f"{OURS}/"}, Verdict.OK),
        ({"ANTHROPIC_BASE_URL": "https://elsewhere.example"}, Verdict.WARNING),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, Verdict.WARNING),
    ],
)
async def test_the_environment(tmp_path: Path, environment: dict[str, str], verdict: Verdict) -> None:
    found = await client.way(patient(tmp_path, environment={"HOME": str(tmp_path), **environment}))
    assert found.verdict is verdict


async def test_settings_files_are_compared_with_the_gateway_that_runs(tmp_path: Path) -> None:
    file = tmp_path / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}}))
    found = await client.way(patient(tmp_path))
    assert (found.verdict, str(file) in found.finding) == (Verdict.WARNING, True)
    running = RunState(7, gateway="http://127.0.0.1:4000")
    assert (await client.way(patient(tmp_path, running=running))).verdict is Verdict.OK
