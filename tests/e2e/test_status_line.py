"""The documented status line, as Claude Code runs it: its JSON on standard input, one line on standard output."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from tests.claude_client import FAKE_KEY
from tests.documents import ROOT
from tests.scripted_api import Answer, scripted_api, text
from tests.stack import Stack, stack

SESSION = "6f1c2d3e-0000-4000-8000-000000000001"
GIVEN: dict[str, Any] = {
    "hook_event_name": "Status",
    "session_id": SESSION,
    "transcript_path": "/tmp/transcript.jsonl",
    "cwd": "/tmp",
    "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
    "workspace": {"current_dir": "/tmp", "project_dir": "/tmp"},
    "version": "2.1.330",
    "output_style": {"name": "default"},
    "cost": {"total_cost_usd": 0.03, "total_duration_ms": 45_000, "total_api_duration_ms": 2_300},
    "context_window": {"total_input_tokens": 25_000, "context_window_size": 1_000_000},
    "exceeds_200k_tokens": False,
}
"""What Claude Code gives such a command, in its documented form."""
USAGE = {
    "input_tokens": 1_000, "output_tokens": 100, "cache_read_input_tokens": 20_000,
    "cache_creation_input_tokens": 4_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 4_000, "ephemeral_1h_input_tokens": 0},
}  # fmt: skip
SCRIPTS = {"once": [Answer([text("Done.")], usage=USAGE)]}
_SETTINGS = re.compile(r"```json\n(.*?)```", re.DOTALL)


def documented_command(running: Stack) -> str:
    """Of ``docs/claude-code.md``, for this home and this port."""
    blocks = [json.loads(block) for block in _SETTINGS.findall((ROOT / "docs" / "claude-code.md").read_text())]
    (line,) = [block["statusLine"] for block in blocks if "statusLine" in block]
    assert line["type"] == "command"
    command: str = line["command"]
    assert "~/.nexus/" in command
    assert "http://127.0.0.1:3001/" in command
    return command.replace("~/.nexus/", f"{running.home}/").replace("http://127.0.0.1:3001/", f"{running.dashboard}/")


async def shown(running: Stack, given: dict[str, Any]) -> str:
    process = await asyncio.create_subprocess_shell(
        documented_command(running), env=dict(running.environment), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate(json.dumps(given).encode())
    assert (process.returncode, errors.decode()) == (0, "")
    return out.decode()


async def ask(running: Stack) -> None:
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "@@once please"}],
    }
    headers = {
        "x-api-key": FAKE_KEY,
        "x-claude-code-session-id": SESSION,
        "x-claude-code-request-class": "main",
        "anthropic-version": "2023-06-01",
    }
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{running.gateway}/v1/messages", json=body, headers=headers) as answer,
    ):
        assert answer.status == 200
        await answer.read()


async def test_the_documented_command_shows_the_session(tmp_path: Path) -> None:
    async with scripted_api(SCRIPTS) as api, stack(tmp_path, api.url) as running:
        assert await shown(running, GIVEN) == "Nexus: no request of session 6f1c2d3e-00… yet\n"
        await ask(running)
        await running.requests(1)
        assert await shown(running, GIVEN) == "opus 5.5 · $0.03 · 25k tokens · context 25k\n"
        assert (await shown(running, {**GIVEN, "session_id": "a b&c=/é"})).startswith("Nexus: no request of")
