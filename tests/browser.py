"""Chromium, for tests: where it is, and how it is started so that it talks to nobody but us."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.requirements import given, missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
