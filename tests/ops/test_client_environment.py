"""What Claude Code is told, and what would lead it past the gateway."""

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.client_environment import (
    bypassed_proxies,
    client_environment,
    detours,
    export_lines,
    settings_files,
    settings_snippet,
)

GATEWAY = "http://127.0.0.1:3000"


def test_it_goes_to_the_gateway_and_says_which_agent_asks() -> None:
    assert client_environment(GATEWAY) == {"ANTHROPIC_BASE_URL": GATEWAY, "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"}


def test_a_key_is_shown_as_the_token_which_wins_over_an_api_key() -> None:
    assert client_environment(GATEWAY, "cnx_key")["ANTHROPIC_AUTH_TOKEN"] == "cnx_key"


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text(max_size=20).filter(lambda it: "\0" not in it)
    )
)
def test_a_shell_reads_the_exported_values_as_they_are(environment: dict[str, str]) -> None:
    words = shlex.split(export_lines(environment))
    assert [word for word in words if word != "export"] or not environment
    assert dict(word.split("=", 1) for word in words if word != "export") == environment


def test_the_snippet_is_what_settings_json_takes() -> None:
    assert json.loads(settings_snippet(client_environment(GATEWAY))) == {"env": client_environment(GATEWAY)}


def test_without_a_proxy_nothing_is_said_about_proxies() -> None:
    assert bypassed_proxies({"PATH": "/bin"}) == {}


@pytest.mark.parametrize(
    ("given_hosts", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "intra.example"}, "intra.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a, b localhost"}, "a,b,localhost,127.0.0.1,::1"),
    ],
)
def test_a_proxy_is_not_asked_for_this_machine_and_keeps_its_exceptions(
    given_hosts: dict[str, str], expected: str
) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example:8080", **given_hosts}
    assert bypassed_proxies(environment) == {"NO_PROXY": expected, "no_proxy": expected}


def test_nothing_leads_past_the_gateway_by_default(tmp_path: Path) -> None:
    assert detours({"CLAUDE_CODE_USE_BEDROCK": "0"}, settings_files(tmp_path, tmp_path), GATEWAY) == []


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_another_provider_is_pointed_out(value: str) -> None:
    (warning,) = detours({"CLAUDE_CODE_USE_VERTEX": value, "CLAUDE_CODE_USE_BEDROCK": " False "}, [], GATEWAY)
    assert warning == "CLAUDE_CODE_USE_VERTEX is set, so Claude Code goes past the gateway; unset it to record."


def test_a_settings_file_with_another_base_url_is_pointed_out_and_ours_is_not(tmp_path: Path) -> None:
    user, project = tmp_path / "user", tmp_path / "project"
    for folder, url in ((user, "https://other.example"), (project, f"{GATEWAY}/")):
        (folder / ".claude").mkdir(parents=True)
        (folder / ".claude" / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": url}}))
    (warning,) = detours({}, settings_files(user, project), GATEWAY)
    assert warning.startswith(f"{user / '.claude/settings.json'} sets ANTHROPIC_BASE_URL to https://other.example")


@pytest.mark.parametrize("content", ["", "[]", '{"env": 1}', '{"env": {"OTHER": 1}}', "{"])
def test_a_settings_file_that_says_nothing_is_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.local.json").write_text(content)
    assert detours({}, settings_files(tmp_path / "none", tmp_path), GATEWAY) == []
