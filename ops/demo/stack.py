"""How does the demo run the whole of Nexus? As ``nexus up`` does, on a home and ports of its own, before the stand-in.

Nothing of the user's own installation reaches the parts: no database, no upstream, no proxy, no key. So every setting
is taken out of their environment, and what the demo wants is put in.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from domain.errors import SetupError
from ops import plan
from ops.console import Console
from ops.home import Home
from ops.prechecks import check_can_listen, free_port
from ops.processes import Launch
from ops.reports import Ready
from ops.settings import Settings, inherited
from ops.settings_text import table
from ops.supervisor import OnReady, Supervisor

DRAIN_S = 1.0
"""Whoever stops a demo does not want to wait for answers that nobody needs."""


def demo_settings(users: Settings, root: Path) -> Settings:
    """The defaults, and of the user's settings only where to listen, which PostgreSQL to run and how much to log."""
    return Settings.model_construct(
        home=root,
        gateway_host=users.gateway_host,
        gateway_port=_free(users.gateway_host, users.gateway_port, "NEXUS_GATEWAY"),
        dashboard_host=users.dashboard_host,
        dashboard_port=_free(users.dashboard_host, users.dashboard_port, "NEXUS_DASHBOARD"),
        drain_s=DRAIN_S,
        pg_bin=users.pg_bin,
        debug=users.debug,
    )


def supervisor(settings: Settings, home: Home, on_ready: OnReady, console: Console) -> Supervisor:
    """Everything ``nexus up`` starts, with these settings."""
    return Supervisor(
        home,
        plan.parts_of(settings),
        launch_of=lambda part, said: launch_of(part, said, settings, home),
        on_ready=on_ready,
        console=console,
    )


def launch_of(part: str, said: Mapping[str, Ready], settings: Settings, home: Home) -> Launch:
    """How to start a part of the demo: told what ``nexus up`` tells it, but nothing of the user's own settings."""
    launch = plan.launch_of(part, said, settings, home)
    variables, ours = {row.variable for row in table(Settings)}, inherited({})
    users = {name for name, value in launch.environment.items() if name in variables and ours.get(name) == value}
    kept = {name: value for name, value in launch.environment.items() if name not in users}
    return replace(launch, environment=kept | _told(settings))


def _told(settings: Settings) -> dict[str, str]:
    """Where the demo's settings may not be the defaults."""
    told = {
        "NEXUS_HOME": str(settings.home),
        "NEXUS_GATEWAY_HOST": ",".join(settings.gateway_host),
        "NEXUS_GATEWAY_PORT": str(settings.gateway_port),
        "NEXUS_DASHBOARD_HOST": ",".join(settings.dashboard_host),
        "NEXUS_DASHBOARD_PORT": str(settings.dashboard_port),
        "NEXUS_UPSTREAM_URL": settings.upstream_url,
        "NEXUS_DRAIN_S": str(settings.drain_s),
        "NEXUS_PG_BIN": str(settings.pg_bin or ""),
        "DEBUG": "1" if settings.debug else "",
    }
    return {name: value for name, value in told.items() if value}


def _free(hosts: tuple[str, ...], port: int, variable: str) -> int:
    """The port, or another one if that is taken."""
    try:
        check_can_listen(hosts, port, variable)
    except SetupError:
        return free_port(hosts[0], variable)
    return port or free_port(hosts[0], variable)
