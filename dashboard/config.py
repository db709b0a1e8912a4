"""What can be set about the dashboard's front? Everything, in one frozen value; ``ops`` makes it of the settings."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from domain.errors import SetupError

MIN_KEY_CHARS = 16
"""A key that others on the network may guess at has at least as many."""
_LONGEST_SOCKET_PATH = 103
"""What macOS leaves for the path of a Unix socket; Linux leaves a little more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardConfig:
    """Settings of the front."""

    api_key: str = field(repr=False)
    """Opens the login page and the read API."""
    worker_socket: Path
    """Where the Panel worker listens: a Unix socket that only this user can open."""
    worker_command: tuple[str, ...] = ()
    """Starts the Panel worker on that socket; empty: somebody else starts it.

    Its standard input is its life line: it ends when that is closed.
    """
    hosts: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses to listen on."""
    port: int = 3001
    """0: any free one, the same for all addresses."""
    public_urls: tuple[str, ...] = ()
    """Where browsers find the front besides this machine's own addresses: ``https://nexus.example`` of a TLS proxy."""
    memory_bytes: int = 2_000_000_000
    """What front and Panel worker may hold together; beyond it new pages wait (``dashboard/room.py``)."""
    link_s: float = 3600.0
    """The one-time login link works that long."""
    session_idle_s: float = 8 * 3600.0
    """A browser session ends when nobody has used it for so long."""
    session_total_s: float = 7 * 24 * 3600.0
    """It ends then in any case."""
    drain_s: float = 3.0
    """Open answers may run on that long after the stop."""


def refuse_insecure(config: DashboardConfig) -> None:
    """Raises SetupError if others could read what is recorded, or if it cannot work at all."""
    strangers = [host for host in config.hosts if not is_loopback(host)]
    if strangers and not config.api_key:
        raise SetupError(
            f"The dashboard would listen on {strangers[0]} without a key. Set DASHBOARD_API_KEY, or take "
            f"{strangers[0]} out of NEXUS_DASHBOARD_HOST."
        )
    if strangers and len(config.api_key) < MIN_KEY_CHARS:
        raise SetupError(
            f"DASHBOARD_API_KEY has fewer than {MIN_KEY_CHARS} characters and others can reach {strangers[0]}. Set a "
            f"longer one, or take {strangers[0]} out of NEXUS_DASHBOARD_HOST."
        )
    if len(os.fsencode(config.worker_socket)) > _LONGEST_SOCKET_PATH:
        raise SetupError(f"{config.worker_socket} is too long for a Unix socket. Set NEXUS_HOME to a shorter path.")


def is_loopback(host: str) -> bool:
    """Only this machine reaches an address like that."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
