"""``nexus up``: how is everything started together, and what does the user see of it?"""

import asyncio
import json
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dashboard.config import refuse_insecure
from domain.errors import SetupError
from gateway.listening import listen
from ops import plan
from ops.addresses import address_of
from ops.configs import dashboard_config
from ops.console import Console
from ops.database import end_database_left_behind
from ops.gateway_access import is_managed
from ops.home import Home, prepare
from ops.home_lock import held, me
from ops.prechecks import check_can_listen, free_port
from ops.reports import Ready
from ops.settings import Settings, load, unknown_variables
from ops.startup_text import Addresses, ready_text
from ops.supervisor import Supervisor

_PORT_PATIENCE_S = 2.0
"""A supervisor that was killed leaves its state file; its parts may still be leaving their ports."""
_POLL_S = 0.05


def run(*, json_ready: bool, workers: int | None = None) -> int:
    """Run everything until a signal; the exit code. Raises NexusError if it cannot begin.

    ``workers``: of the gateway, instead of what the settings say.
    """
    settings = load(Path.cwd())
    if workers is not None:
        settings = settings.model_copy(update={"gateway_workers": workers})
    console = Console(time.monotonic)
    for variable, meant in unknown_variables():
        console.say(f"nexus: {variable} is no setting{f'; did you mean {meant}?' if meant else '.'}")
    return run_with(settings, console, json_ready=json_ready)


def run_with(settings: Settings, console: Console, *, json_ready: bool) -> int:
    """``run`` with settings that are made already."""
    home = prepare(settings.home)
    refuse_insecure(dashboard_config(settings, home))
    settings = _with_fixed_ports(settings)
    gateway = address_of(settings.gateway_host[0], settings.gateway_port)
    dashboard = address_of(settings.dashboard_host[0], settings.dashboard_port)
    with held(home, me("up", gateway, dashboard)):
        sockets = _open_ports(settings, patience_s=_PORT_PATIENCE_S if home.state_file.exists() else 0.0)
        descriptors = [sock.fileno() for sock in sockets]

        def close_ports() -> None:
            for sock in sockets:
                sock.close()

        supervisor = Supervisor(
            home,
            plan.parts_of(settings),
            launch_of=lambda part, said: plan.launch_of(part, said, settings, home, descriptors),
            on_ready=lambda said: _announce(said, home, settings, json_ready=json_ready),
            console=console,
            on_stop=close_ports,
        )
        try:
            code = asyncio.run(supervisor.run())
        finally:
            close_ports()
        end_database_left_behind(settings, home)
    return code


def _with_fixed_ports(settings: Settings) -> Settings:
    """Port 0 becomes a number here: a part that is restarted comes back where it was."""
    found = {
        "gateway_port": settings.gateway_port or free_port(settings.gateway_host[0], "NEXUS_GATEWAY"),
        "dashboard_port": settings.dashboard_port or free_port(settings.dashboard_host[0], "NEXUS_DASHBOARD"),
    }
    return settings.model_copy(update=found)


def _open_ports(settings: Settings, patience_s: float) -> list[socket.socket]:
    """The gateway's sockets, which all its workers share; the dashboard opens its own, and must be able to."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            check_can_listen(settings.gateway_host, settings.gateway_port, "NEXUS_GATEWAY")
            check_can_listen(settings.dashboard_host, settings.dashboard_port, "NEXUS_DASHBOARD")
        except SetupError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return listen(settings.gateway_host, settings.gateway_port)


def _announce(said: Mapping[str, Ready], home: Home, settings: Settings, *, json_ready: bool) -> None:
    nothing = Ready()
    dashboard = said.get(plan.DASHBOARD, nothing)
    gateway = said.get(plan.GATEWAY, nothing).address
    addresses = Addresses(gateway, dashboard.address, dashboard.login, wants_key=is_managed(settings, home))
    if json_ready:
        text = json.dumps(
            {
                "gateway": addresses.gateway,
                "dashboard": addresses.dashboard,
                "login": addresses.login,
                "home": str(home.root),
            }
        )
    else:
        text = ready_text(addresses, _program(), str(home.logs))
    print(text, flush=True)


def _program() -> str:
    """What the user types for ``nexus``."""
    return "nexus" if shutil.which("nexus") else str(Path(sys.executable).with_name("nexus"))
