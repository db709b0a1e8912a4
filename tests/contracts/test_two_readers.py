"""Two accounts behind one dashboard: what each reader's browser gets, whatever it asks for and however it lies."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from html import escape
from typing import Any

import pytest
from aiohttp import WSMsgType

from dashboard.data import DataStore
from dashboard.pages.reader import Act
from dashboard.pages.routes import ROUTES
from dashboard.pages.tab import Tab
from dashboard.routes import Access, routes
from domain.viewers import Viewer
from ops.db.pool import Pool
from ops.stores import data_store
from tests.contracts.test_two_viewers import filled_alike
from tests.dashboard.test_app import served
from tests.dashboard.test_routes import Anything
from tests.panel_client import BrowserTab, Worker
from tests.running_front import KEY, running_front
from tests.some_people import KeptAudit, SomePeople, word_of
from tests.two_accounts import MINE, THEIRS, Tenant, canary, put, tenant
from tests.waiting import until

READER = Viewer(name="ada", role="reader", accounts=frozenset({MINE}))
QUERIES = {
    "/api/search": [f"?q={canary(MINE)}", f"?q={canary(THEIRS)}", "?q=answer", f"?q=answer&account={THEIRS}"],
    "/api/statusline": [f"?session={canary(MINE)}-session", f"?session={canary(THEIRS)}-session"],
    "/api/windows": ["", f"?account={THEIRS}"],
    "/api/usage": ["?since=2026-01-01&until=2027-01-01&group_by=account,model", f"?account={THEIRS}"],
    "/api/requests": ["", f"?session={canary(THEIRS)}-session", "?format=csv", "?after=0"],
    "/api/conversations": ["", f"?account={THEIRS}", f"?title={canary(THEIRS)}", "?format=csv"],
    "/api/insights/cache": ["", "?group_by=account", "?group_by=conversation"],
    "/api/insights/streams": ["?since=2026-01-01"],
}
"""How each list is asked for; whatever has an id in its path is asked for every id."""


@pytest.fixture
async def filled(pool: Pool) -> tuple[DataStore, Tenant, Tenant, KeptAudit]:
    store, audit = filled_alike(pool), KeptAudit()
    mine, theirs = await tenant(store, MINE), await tenant(store, THEIRS)
    await put(store, mine, theirs)
    return data_store(pool, audit), mine, theirs, audit


def paths(mine: Tenant, theirs: Tenant) -> list[str]:
    """Of every route of the read API."""
    out = list[str]()
    for route in routes(Anything()):  # type: ignore[arg-type]  # only the table is looked at
        if route.access is not Access.API or route.method != "GET":
            continue
        if "{id}" in route.path:
            out += [route.path.replace("{id}", str(one)) for one in (*mine.ids, *theirs.ids)]
        else:
            out += [route.path + query for query in QUERIES.get(route.path, [""])]
    return out


def words_of(theirs: Tenant) -> list[str]:
    """Whatever gives the other account away."""
    return [canary(THEIRS), f"{THEIRS}.example", *map(str, theirs.ids)]


@pytest.mark.bar(68)
async def test_no_route_of_the_api_tells_a_reader_of_another_account(
    filled: tuple[DataStore, Tenant, Tenant, KeptAudit],
) -> None:
    store, mine, theirs, audit = filled
    people = SomePeople()
    keys = {role: word_of(people.put(role, frozenset({MINE}))) for role in ("reader", "admin", "usage")}
    async with running_front(store=store, people=people, audit=audit) as front, front.browser() as browser:
        told = dict[str, int]()
        for path in paths(mine, theirs):
            whole = await browser.ask(path, headers={"X-Nexus-Key": KEY})
            asked_for = [word for word in words_of(theirs) if word in path]
            for who, key in keys.items():
                answer = await browser.ask(path, headers={"X-Nexus-Key": key})
                said = answer.body.decode("utf-8", "replace")
                found = [word for word in words_of(theirs) if word in said and word not in asked_for]
                assert found == [], (who, path)
                if any(str(one) in path for one in theirs.ids) and answer.status != 403:
                    assert answer.status == 404, (who, path)
                told[who] = told.get(who, 0) + (answer.status == 200 and canary(MINE) in said)
                if path == "/api/health":
                    assert json.loads(whole.body)["store"].keys() == {"status", "newest", "projected", "lag"}
                    assert json.loads(answer.body)["store"] == {"status": "up"}  # how much happens elsewhere
            told["owner"] = told.get("owner", 0) + (canary(THEIRS) in whole.body.decode("utf-8", "replace"))
        assert min(told["reader"], told["admin"], told["owner"]) > 20  # there was something to be told
    assert {entry.who for entry in audit.entries} == {"owner", "the-admin"}
    assert not {entry.about for entry in audit.entries if entry.who == "the-admin"} & set(map(str, theirs.ids))


async def test_a_reveal_that_cannot_be_noted_gives_nothing(
    filled: tuple[DataStore, Tenant, Tenant, KeptAudit],
) -> None:
    store, mine, _, audit = filled
    one, noted = mine.ids[0], 0
    reveals = {
        f"/api/requests/{one}/body": "read-body",
        f"/api/requests/{one}/response": "read-response",
        f"/api/conversations/{one}/export?redact=0": "exported",
    }
    async with running_front(store=store, people=SomePeople(), audit=audit) as front, front.browser() as browser:
        for path, act in reveals.items():
            audit.away = True
            answer = await browser.ask(path, headers={"X-Nexus-Key": word_of("admin000")})
            assert (answer.status, canary(MINE) in answer.text) == (503, False), path
            audit.away = False
            answer = await browser.ask(path, headers={"X-Nexus-Key": word_of("admin000")})
            assert (answer.status, canary(MINE).encode() in answer.body) == (200, True), path
            assert audit.entries[-1].act == act
            assert audit.entries[-1].who == "the-admin"
            noted = len(audit.entries)
            assert (await browser.ask(path, headers={"X-Nexus-Key": word_of("reader00")})).status == 403
            assert len(audit.entries) == noted
        redacted = await browser.ask(f"/api/conversations/{one}/export", headers={"X-Nexus-Key": word_of("reader00")})
        assert (redacted.status, len(audit.entries)) == (200, noted)


@asynccontextmanager
async def reading(store: DataStore) -> AsyncIterator[Worker]:
    async with served(store) as (_, worker):
        yield replace(worker, viewer=READER)


FORGED: list[dict[str, Any]] = [
    {"kind": "ready", "search": "", "visible": True},
    {"kind": "ready", "search": "?account=zoo&viewer=owner", "visible": True, "viewer": "owner", "role": "admin"},
    {"kind": "query", "search": f"?q={canary(THEIRS)[:-3]}*"},
    {"kind": "query", "search": "?q=answer&account=zoo"},
    {"kind": "query", "search": f"?session={canary(THEIRS)}-session"},
    {"kind": "query", "search": "?tab=raw"},
    {"kind": "act", "name": "viewer", "value": "owner"},
    {"kind": "act", "name": "toggle", "value": "request:"},
]
"""What a page's own script would say, and what it would not."""


def patches(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Changes of whatever a document has, as Bokeh's protocol lets a browser ask for them."""
    model = {"id": document["roots"][0]["id"]}
    changed = [("viewer", "owner"), ("tags", ["owner"]), ("name", "owner"), ("data", {"type": "map", "entries": []})]
    out = [{"kind": "ModelChanged", "model": model, "attr": attr, "new": new} for attr, new in changed]
    return [*out, {"kind": "TitleChanged", "title": "owner"}, {"kind": "MessageSent", "msg_type": "x", "msg_data": {}}]


async def all_that_comes(worker: Worker, path: str, say: Callable[[BrowserTab], Awaitable[None]]) -> str:
    """Everything that the page's socket brings until the document is asked for once more, or the socket is closed."""
    out = ""
    async with worker.tab(path) as tab:
        await say(tab)
        await tab.send("PULL-DOC-REQ", {})
        while '"PULL-DOC-REPLY"' not in out:
            message = await tab.socket.receive(timeout=20)
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                break
            out += message.data if message.type is WSMsgType.TEXT else ""
        return out + json.dumps(tab.document)


@pytest.mark.bar(68)
async def test_no_page_tells_a_reader_of_another_account_whatever_its_browser_sends(
    filled: tuple[DataStore, Tenant, Tenant, KeptAudit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page says after each message is taken from the page itself: all that it could send."""
    store, mine, theirs, _ = filled
    said = list[str]()
    hear = Tab.hear

    async def heard(tab: Tab, act: Act) -> None:
        await hear(tab, act)
        said.append(f"{tab.page.title} {tab.page.regions()} {tab.page.figures()}")

    monkeypatch.setattr(Tab, "hear", heard)
    monkeypatch.setattr("dashboard.app.TICK_S", 1000.0)

    async def lie(tab: BrowserTab) -> None:
        before = len(said)
        for message in FORGED:
            await tab.say(message)
        await until(lambda: len(said) == before + len(FORGED), "every message to be heard")
        for event in patches(tab.document):
            await tab.send("PATCH-DOC", {"events": [event]})

    pages = [path for path in ROUTES if "(" not in path]
    pages += [f"/{of}/{one}" for of in ("requests", "conversations") for one in (mine.ids[0], theirs.ids[0])]
    async with reading(store) as worker:
        for path in pages:
            asked_for = [word for word in words_of(theirs) if word in path]
            got = (await worker.get(path)).html + await all_that_comes(worker, path, lie) + "".join(said)
            found = [word for word in words_of(theirs) if word in without_what_was_typed(got) and word not in asked_for]
            assert found == [], path
            if any(str(one) in path for one in mine.ids) or path in {"/requests", "/conversations", "/usage"}:
                assert canary(MINE) in got, path
            said.clear()


def without_what_was_typed(got: str) -> str:
    """A reader's own words stand in his own form, and in the links that keep them."""
    for typed in (f"{canary(THEIRS)}-session", f"q={canary(THEIRS)}", f'value="{canary(THEIRS)}', f"“{canary(THEIRS)}"):
        got = got.replace(typed, "").replace(escape(typed), "")
    return got
