"""``nexus gateway``, ``nexus shipper`` …: how does one part run in the foreground, alone or supervised?"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from ops import logs, plan, serve
from ops.configs import Context
from ops.home import Home, prepare
from ops.lifetime import live, take_over_stdout
from ops.priority import step_back
from ops.reports import Notice, Ready, Report, Reporter
from ops.settings import Settings, handed_sockets, load

_GRACE_S = 5.0
"""What a part that lost its supervisor gets beyond its own time to drain."""


class _LoggingReporter(Reporter):
    """Of a part that nobody supervises: it says where it serves on its standard error."""

    def __init__(self, part: str) -> None:
        super().__init__(None)
        self._part = part

    def send(self, report: Report) -> None:
        if isinstance(report, Ready):
            facts = (report.address, report.login, report.database_url)
            print(f"nexus: {self._part} is ready", *filter(None, facts), file=sys.stderr)


def run(part: str, *, supervised: bool, sockets: Sequence[int] = (), name: str = "") -> None:
    """Run it until it ends or is asked to. Raises NexusError.

    ``sockets``: descriptors for the gateway to listen on; systemd may have handed it some too. ``name``: of one of
    several workers.
    """
    if supervised and not plan.is_gateway(part):
        step_back(plan.NICENESS)
    settings = load(Path.cwd())
    reporter = Reporter(take_over_stdout()) if supervised else _LoggingReporter(part)
    logs.configure(debug=settings.debug, tell=lambda text: reporter.send(Notice(text)))
    home = prepare(settings.home)
    handed = tuple(sockets) or handed_sockets(os.getpid())
    context = Context(settings, home, _database_url(part, settings, home), handed, name or part)
    life = serve.LIVES[part]
    grace_s = plan.drain_s_of(part, settings) + _GRACE_S
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live(lambda lifetime: life(context, lifetime), reporter, supervised=supervised, grace_s=grace_s))


def _database_url(part: str, settings: Settings, home: Home) -> str:
    if part not in serve.NEEDS_DATABASE:
        return ""
    from ops.database import given

    return given(settings, home, part)
