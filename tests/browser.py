"""Chromium, for tests: where it is, how it is started so that it talks to nobody but us, and what is kept of a test.

``NEXUS_TRACES=FOLDER`` keeps, of each page of each test, the last screen and a trace: every step with what was on the
screen before and after, for ``npx playwright show-trace FILE``.
"""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.requirements import given, missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, HIGH = 1280, 900
WAIT_MS = 60_000
"""How long anything on a page may take on a machine that is very busy. Who is done sooner waits no longer."""
_ARGUMENTS = (
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


def chromium_program() -> str | None:
    """Where it is: ``NEXUS_CHROMIUM``, or a Chromium or Chrome on the PATH."""
    chosen = given("NEXUS_CHROMIUM")
    if chosen:
        return chosen if Path(chosen).is_file() else None
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program; the test is skipped without it, or fails if NEXUS_REQUIRE_BROWSER is 1."""
    program = chromium_program()
    if program is None:
        missing("Chromium", "install it, or set NEXUS_CHROMIUM", required_by="NEXUS_REQUIRE_BROWSER")
    return program


@asynccontextmanager
async def launched(program: str | None) -> AsyncIterator[Browser]:
    """A running browser without a window."""
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        yield browser
        await browser.close()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A new one for each test."""
    async with launched(chromium) as browser:
        yield browser


@asynccontextmanager
async def page_of(browser: Browser, width: int = WIDE, height: int = HIGH) -> AsyncIterator[Page]:
    """A page of somebody who has never been here, until the end of the ``with``."""
    context = await browser.new_context(viewport={"width": width, "height": height})
    traces = given("NEXUS_TRACES")
    if traces:
        await context.tracing.start(screenshots=True, snapshots=True, sources=True)
    page = await context.new_page()
    try:
        yield page
    finally:
        if traces:
            await _keep(context, Path(traces))
        await context.close()


async def _keep(context: BrowserContext, folder: Path) -> None:
    name = _unused(folder)
    for tab, page in enumerate(context.pages, start=1):
        await page.screenshot(path=folder / f"{name}.{tab}.png")
    await context.tracing.stop(path=folder / f"{name}.zip")


def _unused(folder: Path) -> str:
    """The test, and the number of its reader."""
    test = re.sub(r"[^\w.-]+", "_", given("PYTEST_CURRENT_TEST").rpartition(" ")[0])
    return f"{test}.{1 + len(list(folder.glob(f'{test}.*.zip')))}"
