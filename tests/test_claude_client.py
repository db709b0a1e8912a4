"""The helper for the real Claude Code."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.claude_client import FAKE_KEY, claude_program, clean_environment, run_claude
from tests.fake_upstream import fake_upstream, fixed


def test_a_chosen_program_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_CLAUDE_BIN", "/opt/claude")
    assert claude_program() == Path("/opt/claude")


def test_nothing_of_this_machine_gets_to_the_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of the developer")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    seen = clean_environment("http://127.0.0.1:1", tmp_path)
    assert "ANTHROPIC_AUTH_TOKEN" not in seen
    assert "HTTPS_PROXY" not in seen
    assert seen["HOME"] == str(tmp_path)


@pytest.mark.claude
async def test_the_real_client_asks_the_base_url_with_the_fake_key(claude_code: Path, tmp_path: Path) -> None:

    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
    answer = fixed(json.dumps(refusal).encode(), b"400 Bad Request", (b"content-type", b"application/json"))
    async with fake_upstream(answer) as upstream:
        done = await asyncio.to_thread(
            run_claude, upstream.url, "hello", home=tmp_path / "home", project=tmp_path / "project"
        )
    assert done.returncode != 0
    assert "no such thing" in done.stdout
    asked = [request for request in upstream.requests if request.target.startswith(b"/v1/messages")]
    assert {value for request in asked for value in request.all(b"x-api-key")} == {FAKE_KEY.encode()}
    assert b"hello" in asked[0].body
