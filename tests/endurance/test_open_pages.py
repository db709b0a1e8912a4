"""A thousand pages opened and left: the dashboard's processes are as small as they were, and nobody is still at work.

Through the front, logged in, as a browser does it: the document, its socket, the reader's first words. 1,000 nightly.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil
import pytest

from tests.bar import Figure
from tests.e2e.test_pages import Client, served, worked
from tests.endurance.test_memory import slope
from tests.requirements import scaled
from tests.running_front import Browser
from tests.stack import Stack
from tests.viewers import logged_in, looking

PATHS = ("/overview", "/conversations/{talk}", "/requests/{talk}", "/requests", "/usage")
STEPS = 10
WARM_UP = 0.4
"""Of the pages: until then caches fill, and the sessions of left pages still wait for their readers."""
MOST_PER_PAGE = 60_000
"""Bytes that one more page may cost for good, in all processes of the dashboard: less than its document."""
MOST_GROWTH = 60_000_000


@pytest.mark.bar(71)
async def test_pages_that_are_left_leave_nothing_behind(tmp_path: Path, figure: Figure) -> None:
    count = scaled(12, 1_000)
    async with served(tmp_path) as (running, _, session), logged_in(running) as browser:
        client = Client(running.gateway, session, "88888888-0000-4000-8000-000000000001")
        await worked(client)
        await running.requests(5)
        paths = (path.format(talk=client.ids[0]) for path in cycle())
        memory = [await look_and_leave(browser, running, islice(paths, count // STEPS)) for _ in range(STEPS)]
    settled = memory[int(STEPS * WARM_UP) :]
    per_page = slope(settled) * STEPS / count
    figure(f"{count} pages opened and left: {per_page / 1000:+.1f} kB a page after warm-up, {settled[-1] / 1e6:.0f} MB")
    assert max(settled) - settled[0] < MOST_GROWTH
    if count >= 1_000:  # fewer say nothing of the slope
        assert per_page < MOST_PER_PAGE


def cycle() -> Iterator[str]:
    while True:
        yield from PATHS


async def look_and_leave(browser: Browser, running: Stack, paths: Iterator[str]) -> int:
    """Each page until it lives; then what the front and its worker hold, in bytes."""
    for path in paths:
        async with looking(browser, path):
            pass
    return held(running)


def held(running: Stack) -> int:
    """Resident bytes of the front and of its Panel worker."""
    front = psutil.Process(running.part("dashboard"))
    return sum(one.memory_info().rss for one in (front, *front.children(recursive=True)))
