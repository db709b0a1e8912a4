"""``python -m tests.bench.pages``: how long do pages take at a million requests? In Chromium, over the whole product.

python -m tests.bench.pages --keep FOLDER            make the store, or use the one in the folder
python -m tests.bench.pages --json FILE --docs       figures into a file, the table into docs/performance.md

A page's shell is there with its first paint, its data when the sign of it can be found; an act is done when what it
asked for is painted. Each is done several times, once before without being measured; the median counts.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from dashboard.data import ConversationFilter, DataStore, RequestFilter
from dashboard.pages.overview import OverviewPage
from dashboard.pages.page import Surroundings
from ops.clock import utc_now
from ops.stores import data_store, opened
from tests.bench import machine
from tests.bench.big_store import made, server_in
from tests.bench.page_report import Measured, PagesRun, as_json, into, markdown, rows
from tests.bench.page_visits import Act, Kind, Places, Visit, acts, visits
from tests.bench.pages_store import TALK, Amount, fill
from tests.browser import WAIT_MS, chromium_program, launched
from tests.source_tree import ROOT
from tests.stack import Stack, ended, environment, start

PAGE = ROOT / "docs" / "performance.md"
ROUNDS = 5
_LOG = structlog.get_logger("tests.bench.pages")
NOBODY = "http://127.0.0.1:9"
"""As upstream: nothing is asked of it."""
PAN_FRAMES, PAN_PX = 120, 160
PAINTED = "(sign) => document.querySelector(sign) ? performance.now() : 0"
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
"""0 before it: a busy machine may have loaded the document by then and painted none of it."""
LIVE = "() => document.documentElement.dataset.live === 'live'"
DONE = """
([script, region]) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error(`the region ${region} stays as it is`)), 20000);
  const began = performance.now();
  const heard = ({ detail }) => {
    if (detail?.dataset?.region !== region) return;
    document.removeEventListener("nexus:patched", heard);
    clearTimeout(late);
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
  };
  document.addEventListener("nexus:patched", heard);
  new Function(script)();
})
"""
AT_REST = """
() => new Promise((resolve) => {
  let calm = 0;
  const look = (deadline) => {
    calm = deadline.timeRemaining() > 5 ? calm + 1 : 0;
    if (calm >= 5) resolve();
    else requestIdleCallback(look);
  };
  requestIdleCallback(look);
})
"""
"""Bars of a long talk are painted for a while after its data is there."""
PAN = """
([frames, px]) => new Promise((resolve) => {
  const rows = document.querySelector("[data-tree-rows]");
  const times = [];
  let last = 0;
  let way = px;
  const step = (now) => {
    if (last) times.push(now - last);
    last = now;
    if (times.length >= frames) return resolve(times);
    if (rows.scrollTop + rows.clientHeight >= rows.scrollHeight - 1) way = -px;
    rows.scrollTop += way;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""


class BenchError(AssertionError):
    """A page does not do what is measured: no number is taken from such a run."""


Times = dict[tuple[Kind, str], list[float]]


@asynccontextmanager
async def product(dsn: str) -> AsyncIterator[Stack]:
    """``nexus up`` over this database."""
    with tempfile.TemporaryDirectory(prefix="nexus-bench-") as home:
        ports = {"NEXUS_GATEWAY_PORT": "0", "NEXUS_DASHBOARD_PORT": "0"}
        env = environment(Path(home), NEXUS_UPSTREAM_URL=NOBODY, DATABASE_URL=dsn, **ports)
        async with ended(await start(env)) as running:
            yield running


@asynccontextmanager
async def reader(running: Stack) -> AsyncIterator[Page]:
    """A browser that is logged in."""
    async with launched(chromium_program()) as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        await page.goto(running.login)
        await page.wait_for_selector("text=Log out", timeout=WAIT_MS)
        yield page


async def open_page(page: Page, running: Stack, visit: Visit) -> tuple[float, float]:
    """Milliseconds to the first paint and to the data."""
    await page.goto(running.dashboard + visit.path, wait_until="commit")
    try:
        data = await page.wait_for_function(PAINTED, arg=visit.sign, timeout=WAIT_MS)
    except PlaywrightError as error:
        raise BenchError(f"{visit.name} does not show {visit.sign}.") from error
    arrived = float(await data.json_value())
    await page.wait_for_function(LIVE, timeout=WAIT_MS)
    first = float(await page.evaluate(FIRST_PAINT))
    return first, max(first, arrived)


async def measure_visits(page: Page, running: Stack, at: Places, rounds: int) -> Times:
    found: Times = defaultdict(list)
    for visit in visits(at).values():
        for round_ in range(rounds + 1):
            first, data = await open_page(page, running, visit)
            if round_:
                found["shell", visit.name].append(first)
                found["data", visit.name].append(data)
        tell(found, "data", visit.name)
    return found


async def measure_acts(page: Page, running: Stack, at: Places, rounds: int) -> Times:
    found: Times = defaultdict(list)
    for act in acts(at):
        for round_ in range(rounds + 1):
            took = await do(page, running, act)
            if round_:
                found["interaction", act.name].append(took)
        tell(found, "interaction", act.name)
    return found


def tell(found: Times, kind: Kind, name: str) -> None:
    """While the bench runs: it takes a while."""
    _LOG.info("measured", kind=kind, name=name, ms=[round(one) for one in found[kind, name]])


async def do(page: Page, running: Stack, act: Act) -> float:
    await open_page(page, running, act.visit)
    try:
        await page.evaluate(AT_REST)
        return float(await page.evaluate(DONE, [act.script, act.region]))
    except PlaywrightError as error:
        raise BenchError(f"{act.name}: {error.message.splitlines()[0]}") from error


async def measure_frames(page: Page, running: Stack, at: Places) -> Times:
    """Of a long tree that is panned; each frame is a round."""
    await open_page(page, running, visits(at)["a talk's tree"])
    times: list[float] = await page.evaluate(PAN, [PAN_FRAMES, PAN_PX])
    return {("frame", "talk: pan the tree"): times}


async def measure_queries(store: DataStore, at: Places, rounds: int) -> Times:
    """What pages ask the store for."""
    overview = OverviewPage(Surroundings(store, utc_now, ()))
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "all that the overview asks": partial(overview.load, ""),
        "a page of requests": partial(store.requests, RequestFilter()),
        "a page of requests of a class": partial(store.requests, RequestFilter(request_class="compaction")),
        "a page of conversations": partial(store.conversations, ConversationFilter()),
        "the long talk's tree": partial(store.tree, at.talk),
        "its last request": partial(store.details, at.request),
        "is there news": store.position,
    }
    found: Times = defaultdict(list)
    for name, ask in asked.items():
        for round_ in range(rounds + 1):
            began = time.perf_counter()
            await ask()
            if round_:
                found["query", name].append((time.perf_counter() - began) * 1000)
    return found


async def places(store: DataStore) -> Places:
    (talk,) = (await store.conversations(ConversationFilter(session=TALK))).items
    (last,) = (await store.requests(RequestFilter(session=TALK), limit=1)).items
    until = utc_now()
    since, until = until - timedelta(days=9), until - timedelta(days=4)
    return Places(talk.conversation_id, last.request_id, int(since.timestamp()), int(until.timestamp()))


async def measure(dsn: str, rounds: int, remarks: list[str]) -> Times:
    found: Times = {}
    async with opened(dsn, "nexus-bench", reads_only=True) as pool:
        store = data_store(pool)
        at = await places(store)
        found |= await measure_queries(store, at, rounds)
    is_whole = False
    try:
        async with product(dsn) as running, reader(running) as page:
            found |= await measure_frames(page, running, at)
            found |= await measure_visits(page, running, at, rounds)
            found |= await measure_acts(page, running, at, rounds)
            is_whole = True
    except TimeoutError:
        if not is_whole:
            raise
        remarks.append("After the last round, Nexus did not stop as it should.")
    return found


def words(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=Amount().requests)
    parser.add_argument("--messages", type=int, default=Amount().messages)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="of the store")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--docs", action="store_true", help="write the table of docs/performance.md")
    return parser.parse_args(arguments)


async def main(arguments: list[str] | None = None) -> None:
    asked = words(arguments)
    amount = Amount(requests=asked.requests, messages=asked.messages)
    with server_in(asked.keep) as server:
        name = f"pages_{amount.requests}_{amount.messages}"
        dsn = await made(server, name, partial(fill, amount=amount, now=utc_now()))
        remarks = machine.remarks(Path(tempfile.gettempdir()))
        times = await measure(dsn, asked.rounds, remarks)
    described = machine.described(Path(tempfile.gettempdir()))
    measured = tuple(Measured(kind, name, tuple(found)) for (kind, name), found in times.items())
    run = PagesRun(
        f"{utc_now():%Y-%m-%d %H:%M} UTC", described, amount.requests, amount.messages, measured, tuple(remarks)
    )
    for row in rows(run):
        print(f"{row[0]:<44}{row[1]:>12}{row[2]:>12}{row[3]:>20}  {row[4]}")
    if asked.json:
        asked.json.write_text(json.dumps(as_json(run), indent=1))
    if asked.docs:
        PAGE.write_text(into(PAGE.read_text(), markdown(run)))


if __name__ == "__main__":
    asyncio.run(main())
