"""``nexus claude``: how does the installed Claude Code get to talk to the gateway?

Claude Code replaces this process, so its exit code, its signals and the terminal are its own. All arguments are its
own too, but a first one of ``--print-env``.
"""

import http.client
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from credentials.key_text import looks_like_ours
from domain.errors import NexusError, SetupError
from ops.addresses import address_of
from ops.client_environment import (
    API_KEY,
    AUTH_TOKEN,
    KEY_PLACEHOLDER,
    bypassed_proxies,
    client_environment,
    detours,
    export_lines,
    settings_files,
    settings_snippet,
)
from ops.gateway_access import is_managed
from ops.home import Home
from ops.home_lock import holder_of
from ops.settings import Settings, inherited, load

PRINT_ENV = "--print-env"
_ANSWER_S = 3.0
_WANTS_KEY = (
    "The gateway wants a client key and there is none; set NEXUS_CLIENT_KEY to one that `nexus keys create` printed."
)


class GatewayAwayError(NexusError):
    """The gateway does not answer."""


def run(arguments: Sequence[str]) -> None:
    """Become Claude Code, or print its environment. Raises NexusError.

    ``.env`` of the current folder is not read: that is somebody's project, and its settings are not ours.
    """
    settings = load()
    gateway = gateway_address(settings)
    if arguments[:1] == [PRINT_ENV]:
        print(printed(arguments[1:], gateway, shown_key(settings)))
        return
    program = find_claude(settings)
    environment = inherited({})
    check_answers(gateway)
    files = settings_files(Path(environment.get("HOME", "/")), Path.cwd())
    for warning in detours(environment, files, gateway):
        print(f"nexus: {warning}", file=sys.stderr)
    key = shown_key(settings)
    if key == KEY_PLACEHOLDER:
        key = ""
        if not any(looks_like_ours(environment.get(name, "")) for name in (AUTH_TOKEN, API_KEY)):
            print(f"nexus: {_WANTS_KEY}", file=sys.stderr)
    environment |= client_environment(gateway, key) | bypassed_proxies(environment)
    sys.stdout.flush()
    os.execve(program, [program, *arguments], environment)  # noqa: S606 - the very purpose: no shell in between


def gateway_address(settings: Settings) -> str:
    """Of the ``nexus up`` that runs on this home; else where the settings say a gateway listens."""
    holder = holder_of(Home(settings.home))
    if holder is not None and holder.gateway:
        return holder.gateway
    return address_of(settings.gateway_host[0], settings.gateway_port)


def shown_key(settings: Settings) -> str:
    """The client key that the gateway is to be shown; a placeholder where it wants one and none is set."""
    if not is_managed(settings, Home(settings.home)):
        return ""
    return settings.client_key.get_secret_value() if settings.client_key else KEY_PLACEHOLDER


def printed(arguments: Sequence[str], gateway: str, key: str = "") -> str:
    """What ``--print-env`` prints."""
    environment = client_environment(gateway, key)
    match list(arguments):
        case []:
            return export_lines(environment)
        case ["json"]:
            return settings_snippet(environment)
    raise SetupError(f"`nexus claude {PRINT_ENV}` takes nothing else, or `json` for a settings.json.")


def find_claude(settings: Settings) -> str:
    """The program. Raises SetupError."""
    chosen = str(settings.claude_bin or "claude")
    found = shutil.which(chosen)
    if found:
        return found
    if settings.claude_bin:
        raise SetupError(f"NEXUS_CLAUDE_BIN is {chosen}, which is no program. Correct it, or unset it.")
    raise SetupError(
        "Claude Code is not installed: there is no `claude` on the PATH. Install it with "
        "`npm install -g @anthropic-ai/claude-code`, or set NEXUS_CLAUDE_BIN."
    )


def check_answers(gateway: str) -> None:
    """Raises GatewayAwayError. Asks directly: a proxy has no business on the way to our own machine."""
    place = urlsplit(gateway)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        raise GatewayAwayError(f"No gateway answers at {gateway}. Start it with `nexus up`.") from None
    finally:
        connection.close()
