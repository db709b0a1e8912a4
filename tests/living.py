"""One part of Nexus in this process, as ``ops/serve.py`` puts it together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ops import serve
from ops.configs import Context
from ops.lifetime import Lifetime
from ops.reports import Ready, Report, Reporter
from ops.settings import Settings
from tests.requirements import scaled
from tests.waiting import until


class Kept(Reporter):
    """Keeps what a part reports."""

    def __init__(self) -> None:
        super().__init__(None)
        self.reports: list[Report] = []

    def send(self, report: Report) -> None:
        self.reports.append(report)


def settings(**given: object) -> Settings:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    ports = {"gateway_host": ("127.0.0.1",), "gateway_port": 0, "dashboard_port": 0}
    return Settings.model_construct(**defaults | ports | given)


@asynccontextmanager
async def living(part: str, context: Context) -> AsyncIterator[Ready]:
    """The part, ready; afterwards it is asked to stop and has to."""
    kept = Kept()
    lifetime = Lifetime(reporter=kept)

    async def live() -> None:
        await serve.LIVES[part](context, lifetime)

    async with asyncio.timeout(scaled(30, 300)), asyncio.TaskGroup() as tasks:
        life = tasks.create_task(live())
        await until(lambda: kept.reports or life.done(), f"{part} to be ready")
        (report,) = kept.reports
        assert isinstance(report, Ready)
        yield report
        lifetime.ask_to_stop()
