"""What does each part get to know of the settings? Frozen values, made once, at the start of its process."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.addresses import address_of
from ops.client_environment import KEY_PLACEHOLDER, client_environment, export_lines
from ops.home import Home
from ops.keys import dashboard_key, fingerprint_key
from ops.plan import PANEL, command_line
from ops.settings import Settings
from ops.sockets import socket_path

if TYPE_CHECKING:
    from dashboard.app import PagesConfig
    from dashboard.config import DashboardConfig
    from gateway.config import GatewayConfig
    from gateway.shipper import ShipperConfig


@dataclass(frozen=True, slots=True)
class Context:
    """What every part is built from."""

    settings: Settings
    home: Home
    database_url: str = ""
    """Empty for a part that needs no database."""
    sockets: tuple[int, ...] = ()
    """Descriptors that somebody else has opened for the gateway to listen on."""
    name: str = "gateway"
    """Of a gateway's worker."""


def gateway_config(
    settings: Settings, home: Home, sockets: tuple[int, ...] = (), name: str = "gateway"
) -> "GatewayConfig":
    from gateway.config import GatewayConfig

    proxy = settings.upstream_proxy
    return GatewayConfig(
        journal_root=home.journals,
        fingerprint_key=fingerprint_key(home),
        part=name,
        metrics_dir=home.metrics,
        hosts=settings.gateway_host,
        port=settings.gateway_port,
        mode=settings.mode,
        limits_dir=home.limits,
        sockets=sockets,
        upstream_url=settings.upstream_url,
        upstream_proxy=proxy.get_secret_value() if proxy else None,
        allow_upstream=frozenset(settings.allow_upstream),
        storage_enabled=settings.storage_enabled,
        drain_s=settings.drain_s,
    )


def shipper_config(settings: Settings, home: Home) -> "ShipperConfig":
    from gateway.shipper import ShipperConfig

    return ShipperConfig(journal_root=home.journals, keep_s=settings.keep_journals_h * 3600)


def dashboard_config(settings: Settings, home: Home) -> "DashboardConfig":
    """Of the front, which starts its Panel worker itself."""
    from dashboard.config import DashboardConfig

    key = settings.dashboard_api_key
    return DashboardConfig(
        api_key=key.get_secret_value() if key else dashboard_key(home),
        worker_socket=socket_path(home, "panel.sock"),
        worker_command=tuple(command_line(PANEL, "--supervised")),
        hosts=settings.dashboard_host,
        port=settings.dashboard_port,
        public_urls=settings.dashboard_url,
        memory_bytes=settings.dashboard_memory_mb * 1_000_000,
    )


def pages_config(settings: Settings, token_secret: bytes, *, wants_key: bool) -> "PagesConfig":
    """Of the Panel worker. Nobody but the front reaches it, and the front has compared origin and address before."""
    from dashboard.app import PagesConfig

    gateway = address_of(settings.gateway_host[0], settings.gateway_port)
    return PagesConfig(
        websocket_origins=("*",),
        connect_lines=tuple(export_lines(client_environment(gateway, KEY_PLACEHOLDER * wants_key)).splitlines()),
        token_secret=token_secret,
    )
