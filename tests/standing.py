"""One running Nexus and one browser for all tests of a file: starting them is most of what such a test costs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Browser

from tests.browser import launched
from tests.scripted_api import ScriptedApi, Turn, scripted_api
from tests.stack import Stack, stack


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands while the tests of a file run. Each test has sessions of its own in it."""

    running: Stack
    api: ScriptedApi
    browser: Browser

    @asynccontextmanager
    async def visit(self, pause_s: float = 0.0) -> AsyncIterator[tuple[Stack, ScriptedApi, ClientSession]]:
        """For one test, which begins anew. ``pause_s``: between two pieces of an answer."""
        await begin_anew(self.running, self.api)
        self.api.pause_s = pause_s
        async with ClientSession() as session:
            yield self.running, self.api, session


async def begin_anew(running: Stack, api: ScriptedApi) -> None:
    """What was there before does not count."""
    running.before = len((await running.api("/api/requests", limit="500"))["items"])
    api.served.clear()


def standing_with(scripts: Mapping[str, Sequence[Turn]]) -> Any:
    """The fixture of a file. Its tests need ``pytest.mark.asyncio(loop_scope="module")``."""

    @pytest_asyncio.fixture(scope="module", loop_scope="module", name="standing")
    async def started(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Standing]:
        async with (
            scripted_api(scripts) as api,
            stack(tmp_path_factory.mktemp("standing"), api.url) as running,
            launched(chromium) as browser,
        ):
            yield Standing(running, api, browser)

    return started
