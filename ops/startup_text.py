"""What does ``nexus up`` say? Pure texts."""

import json
import signal
from contextlib import suppress
from dataclasses import dataclass

from ops.client_environment import KEY_PLACEHOLDER, client_environment, export_lines, settings_snippet
from ops.supervision_types import TellDeath, TellRollFailed


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running Nexus is reached."""

    gateway: str
    dashboard: str = ""
    login: str = ""
    wants_key: bool = False
    """The gateway is in managed mode."""


def ready_text(addresses: Addresses, program: str, logs: str) -> str:
    """The text that stands on the terminal while Nexus runs. ``program``: how this user calls ``nexus``."""
    environment = client_environment(addresses.gateway, KEY_PLACEHOLDER if addresses.wants_key else "")
    lines = ["", "Nexus is ready.", "", f"  Gateway    {addresses.gateway}"]
    if addresses.dashboard:
        lines.append(f"  Dashboard  {addresses.dashboard}")
    else:
        lines.append("  Recording is off (STORAGE_ENABLED=false): requests are forwarded only.")
    if addresses.login:
        lines.append(f"  Log in     {addresses.login}   (this link works once)")
    lines += [
        "",
        "Point Claude Code at it in one of three ways:",
        "",
        "1. Let Nexus start it:",
        _indented(f"{program} claude"),
        "2. In the shell, before you start `claude`:",
        _indented(export_lines(environment)),
        "3. For good, in ~/.claude/settings.json:",
        _indented(settings_snippet(environment)),
        "",
        f"Ctrl-C stops everything. Logs: {logs}",
    ]
    return "\n".join(lines)


def death_line(death: TellDeath, last_words: str) -> str:
    """What is said when a part died."""
    why = f" ({last_words})" if last_words else ""
    when = "now" if death.pause_s == 0 else f"in {death.pause_s:g} s"
    again = "keeps dying; it is tried again" if death.looping else "is started again"
    return f"{death.part} {_ending(death.code)}{why}; it {again} {when}."


def roll_failed_line(failed: TellRollFailed, last_words: str) -> str:
    """What is said when a part could not be replaced."""
    why = f" ({last_words})" if last_words else ""
    return f"The new {failed.part} {_ending(failed.code)}{why}; whoever was not replaced yet serves on."


def last_words(line: str) -> str:
    """The last line of a log, made readable: our own error line, a JSON log line, or anything."""
    with suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            trace = str(entry.get("exception", "")).strip().splitlines()
            return trace[-1] if trace else str(entry.get("event", ""))
    return line.removeprefix("nexus: ").rstrip(".")


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())
