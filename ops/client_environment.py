"""Which environment points Claude Code at the gateway, and what would lead it past it?"""

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

BASE_URL = "ANTHROPIC_BASE_URL"
AUTH_TOKEN, API_KEY = "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"
KEY_PLACEHOLDER = "cnx_... (from nexus keys create)"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OTHER_WAYS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""With one of these Claude Code asks somebody else than its base URL."""
_OFF = {"", "0", "false", "no", "off"}
_SETTINGS_FILES = (".claude/settings.json", ".claude/settings.local.json")


def client_environment(gateway: str, key: str = "") -> dict[str, str]:
    """The base URL, and that it may tell us which sub-agent a request is from. ``key``: a client key, if it needs one.

    The token wins over an API key that the user has.
    """
    token = {AUTH_TOKEN: key} if key else {}
    return {BASE_URL: gateway, "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", **token}


def export_lines(environment: Mapping[str, str]) -> str:
    """For a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())


def settings_snippet(environment: Mapping[str, str]) -> str:
    """For Claude Code's ``settings.json``."""
    return json.dumps({"env": dict(environment)}, indent=2)


def bypassed_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """A company's proxy is not asked for our own machine, whatever else it is asked for."""
    if not any(name.lower().endswith("_proxy") for name in environment):
        return {}
    given = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    hosts = given.replace(",", " ").split()
    joined = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
    return {"NO_PROXY": joined, "no_proxy": joined}


def settings_files(user_home: Path, project: Path) -> list[Path]:
    """Claude Code's own settings that win over its environment, as far as they are this user's."""
    return [user_home / _SETTINGS_FILES[0], *(project / name for name in _SETTINGS_FILES)]


def detours(environment: Mapping[str, str], files: Iterable[Path], gateway: str) -> list[str]:
    """Why Claude Code would go past the gateway in spite of the base URL in its environment."""
    chosen = [name for name in _OTHER_WAYS if environment.get(name, "").strip().lower() not in _OFF]
    warnings = [f"{name} is set, so Claude Code goes past the gateway; unset it to record." for name in chosen]
    for file in files:
        other = _base_url_in(file)
        if other not in {"", gateway}:
            warnings.append(f"{file} sets {BASE_URL} to {other}, which wins; remove it there to record.")
    return warnings


def _base_url_in(file: Path) -> str:
    """What the file's ``env`` says; "" where there is none, or the file is none that Claude Code could read."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    env = content.get("env") if isinstance(content, dict) else None
    return str(env.get(BASE_URL, "")).rstrip("/") if isinstance(env, dict) else ""
