"""Which parts make up a running Nexus, in which order do they come and go, and how is each started?"""

import sys
from collections.abc import Mapping, Sequence

from ops.home import Home
from ops.processes import Launch
from ops.reports import Ready
from ops.settings import Settings, inherited
from ops.supervision_types import Part

POSTGRES = "postgres"
GATEWAY = "gateway"
MIGRATE = "migrate"
SHIPPER = "shipper"
PROJECTOR = "projector"
DASHBOARD = "dashboard"
PANEL = "panel"
"""Not in the plan: the dashboard's front keeps its worker running itself."""

NICENESS = 10
"""Of every part but the gateway: on a busy machine sessions come first, and recording catches up."""
_MARGIN_S = 5.0
"""What a part gets beyond the time it gives itself."""
_PAGES_S = 7.0
"""The dashboard gives its browsers, then its open answers, then its worker 2 or 3 seconds each."""
_RECOVERY_S = 600.0
"""A database may have to read a long log after a crash; a migration may have many rows to move."""


def parts_of(settings: Settings) -> tuple[Part, ...]:
    """The plan. Without storage the gateway is all there is; with a ``DATABASE_URL`` there is no embedded database."""
    names = gateway_names(settings.gateway_workers)
    gateways = tuple(Part(name, drain_s=settings.drain_s + _MARGIN_S, rolls=True) for name in names)
    if not settings.storage_enabled:
        return gateways
    embedded = settings.database_url is None
    database = frozenset({POSTGRES} if embedded else ())
    schema = frozenset({MIGRATE})
    writers = frozenset({*names, SHIPPER})
    postgres = Part(POSTGRES, outlives=writers | {MIGRATE, PROJECTOR, DASHBOARD}, ready_s=_RECOVERY_S, drain_s=30.0)
    return (
        *gateways,
        *((postgres,) if embedded else ()),
        Part(MIGRATE, after=database, ready_s=_RECOVERY_S, runs_once=True),
        Part(SHIPPER, after=schema, outlives=frozenset(names), drain_s=15.0),
        Part(PROJECTOR, after=schema, outlives=writers, drain_s=10.0),
        Part(DASHBOARD, after=schema, outlives=writers | {PROJECTOR}, drain_s=_PAGES_S + _MARGIN_S),
    )


def gateway_names(workers: int) -> tuple[str, ...]:
    """The gateway's workers: ``gateway``, ``gateway-2``, …"""
    return (GATEWAY, *(f"{GATEWAY}-{number}" for number in range(2, workers + 1)))


def is_gateway(part: str) -> bool:
    """It is one of the gateway's workers."""
    return part.partition("-")[0] == GATEWAY


def drain_s_of(part: str, settings: Settings) -> float:
    """How long a part may take to stop."""
    return next((it.drain_s for it in parts_of(settings) if it.name == part), settings.drain_s)


def launch_of(
    part: str, said: Mapping[str, Ready], settings: Settings, home: Home, sockets: Sequence[int] = ()
) -> Launch:
    """How to start a part: ``nexus <part>`` in this interpreter, told what this ``nexus up`` was told.

    ``sockets``: descriptors that the gateway's workers listen on; none: there is one worker, and it opens its own.
    """
    environment = {
        "NEXUS_HOME": str(home.root),
        "NEXUS_GATEWAY_PORT": str(settings.gateway_port),
        "NEXUS_DASHBOARD_PORT": str(settings.dashboard_port),
    }
    if settings.ca_file:
        environment["SSL_CERT_FILE"] = str(settings.ca_file)  # read by the TLS library itself, which knows no .env
    if POSTGRES in said:
        environment["DATABASE_URL"] = said[POSTGRES].database_url
    descriptors = tuple(sockets) if is_gateway(part) else ()
    return Launch(
        argv=supervised(part, descriptors),
        environment=inherited(environment),
        log_file=home.logs / f"{part}.log",
        descriptors=descriptors,
        sweeps=part != POSTGRES,  # a server whose launcher was killed goes on, and the next launcher takes it over
    )


def supervised(part: str, descriptors: Sequence[int]) -> Sequence[str]:
    """How a part is called that reports to whoever started it. ``descriptors``: for a gateway's worker to listen on."""
    command = GATEWAY if is_gateway(part) else part
    name = () if command == part else (f"--name={part}",)
    return command_line(command, "--supervised", *name, *(f"--socket={descriptor}" for descriptor in descriptors))


def command_line(*words: str) -> Sequence[str]:
    """``nexus`` with these words. ``-P``: a folder called ``gateway`` where the user stands must not be imported."""
    return (sys.executable, "-P", "-m", "ops.cli", *words)
