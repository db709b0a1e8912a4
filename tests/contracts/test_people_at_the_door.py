"""People before the front: each is let in as who he is, for as long as he stands so, and what he is given is noted."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from dashboard.viewing import VIEWER_HEADER, read, written
from domain.audit import Entry
from domain.viewers import OWNER, Role
from tests.running_front import KEY, KNOWN, Browser, RunningFront, running_front
from tests.some_people import KeptAudit, SomePeople, word_of
from tests.waiting import until

READER, ADMIN = "reader00", "admin000"
EXPORT = f"/api/conversations/{KNOWN}/export"


@pytest.fixture
def people() -> SomePeople:
    return SomePeople()


@pytest.fixture
def audit() -> KeptAudit:
    return KeptAudit()


@pytest.fixture
async def front(people: SomePeople, audit: KeptAudit) -> AsyncIterator[RunningFront]:
    async with running_front(people=people, audit=audit) as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.browser() as browser:
        yield browser


async def is_in(browser: Browser) -> bool:
    return (await browser.ask("/requests")).status == 200


async def use_link(browser: Browser, word: str) -> int:
    form = await browser.form(f"/login?token={word}")
    return (await browser.ask("/login", "POST", data={**form, "token": word})).status


@pytest.mark.parametrize("role", ["usage", "reader", "admin"])
async def test_the_worker_is_told_who_looks_and_browsers_cannot_say_it(
    front: RunningFront, browser: Browser, people: SomePeople, role: Role
) -> None:
    person_id = people.put(role, frozenset({"acme"}))
    assert (await browser.log_in(key=word_of(person_id))).status == 303
    forged = {VIEWER_HEADER: written(OWNER), VIEWER_HEADER.lower(): written(OWNER), "Bokeh-Session-Id": "x"}
    assert (await browser.ask("/requests", headers=forged)).status == 200
    async with browser.socket("/requests/ws", **{VIEWER_HEADER: written(OWNER)}) as socket:
        await socket.send_str("x")
        assert await socket.receive_str() == "echo x"
    assert (await browser.ask("/static/app.js", headers=forged)).status == 200
    assert VIEWER_HEADER not in front.worker.requests.pop().headers
    viewer = people.standings[person_id].viewer
    for request in front.worker.requests:
        assert [read(value) for value in request.headers.getall(VIEWER_HEADER)] == [viewer]
        assert "Bokeh-Session-Id" not in request.headers
    assert len(front.worker.requests) == 2


async def test_a_key_opens_the_api_for_what_its_person_may(browser: Browser) -> None:
    for person_id, status in ((READER, 403), (ADMIN, 200)):
        for headers in ({"X-Nexus-Key": word_of(person_id)}, {"Authorization": f"Bearer {word_of(person_id)}"}):
            assert (await browser.ask(f"/api/requests/{KNOWN}", headers=headers)).status == 200
            assert (await browser.ask(f"/api/requests/{KNOWN}/body", headers=headers)).status == status


async def test_a_persons_link_logs_in_once(front: RunningFront, browser: Browser, people: SomePeople) -> None:
    link = word_of(READER, "link")
    people.links.add(link)
    assert await use_link(browser, word_of(ADMIN, "link")) == 401
    assert not await is_in(browser)
    assert await use_link(browser, link) == 303
    assert await is_in(browser)
    async with front.browser() as other:
        assert await use_link(other, link) == 401
        assert not await is_in(other)


async def test_a_link_that_cannot_be_used_up_now_is_not_used(browser: Browser, people: SomePeople) -> None:
    people.links.add(word_of(READER, "link"))
    people.away = True
    assert await use_link(browser, word_of(READER, "link")) == 503
    assert not await is_in(browser)
    people.away = False
    assert await use_link(browser, word_of(READER, "link")) == 303


@pytest.mark.parametrize("what", ["role", "accounts", "removed", "turn"])
async def test_who_stands_otherwise_is_out_with_all_that_is_open(
    front: RunningFront, browser: Browser, people: SomePeople, what: str
) -> None:
    await browser.log_in(key=word_of(READER))
    async with front.logged_in() as owner, browser.socket() as socket, owner.socket() as owners:
        match what:
            case "role":
                people.standings[READER] = people.standings[ADMIN]
            case "accounts":
                people.put("reader", frozenset({"acme"}))
            case "removed":
                del people.standings[READER]
            case _:
                await people.log_out(READER)
        message = await socket.receive(timeout=10)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        assert not await is_in(browser)
        await owners.send_str("still here")
        assert await owners.receive_str() == "echo still here"
        assert await is_in(owner)


async def test_a_request_of_who_was_just_removed_is_refused_at_once(browser: Browser, people: SomePeople) -> None:
    await browser.log_in(key=word_of(READER))
    key = {"X-Nexus-Key": word_of(READER)}
    assert (await browser.ask("/api/requests", headers=key)).status == 200
    del people.standings[READER]
    assert (await browser.ask("/requests")).status == 302
    assert (await browser.ask("/api/requests")).status == 401
    assert (await browser.ask("/api/requests", headers=key)).status == 401


async def test_log_out_everywhere_ends_every_browser_of_the_person_and_nobody_elses(
    front: RunningFront, browser: Browser, people: SomePeople
) -> None:
    await browser.log_in(key=word_of(READER))
    page = await browser.ask("/logout")
    assert "the-reader" in page.text
    assert 'name="everywhere"' in page.text
    async with front.browser() as second, front.logged_in() as owner, front.browser() as admin:
        await second.log_in(key=word_of(READER))
        await admin.log_in(key=word_of(ADMIN))
        async with second.socket() as socket:
            form = {**await browser.form("/logout"), "everywhere": "yes"}
            assert (await browser.ask("/logout", "POST", data=form)).status == 303
            assert (await socket.receive(timeout=10)).data == 1008
        assert [await is_in(one) for one in (browser, second, owner, admin)] == [False, False, True, True]
        assert people.logged_out == [READER]
        assert (await second.log_in(key=word_of(READER))).status == 303


async def test_a_plain_logout_ends_one_browser(front: RunningFront, browser: Browser, people: SomePeople) -> None:
    await browser.log_in(key=word_of(READER))
    async with front.browser() as second:
        await second.log_in(key=word_of(READER))
        assert (await browser.ask("/logout", "POST", data=await browser.form("/logout"))).status == 303
        assert [await is_in(one) for one in (browser, second)] == [False, True]
    assert people.logged_out == []


async def test_when_others_cannot_be_told_of_a_logout_that_is_said(
    front: RunningFront, browser: Browser, people: SomePeople
) -> None:
    await browser.log_in(key=word_of(READER))
    async with front.browser() as second:
        await second.log_in(key=word_of(READER))
        people.away = True
        form = {**await browser.form("/logout"), "everywhere": "yes"}
        answer = await browser.ask("/logout", "POST", data=form)
        assert "others were not told" in answer.text
        assert [await is_in(one) for one in (browser, second)] == [False, False]


async def test_logins_are_noted_also_later_and_never_hold_anybody_up(
    front: RunningFront, browser: Browser, audit: KeptAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.noting.AGAIN_S", 0.001)
    audit.away = True
    assert (await browser.log_in(key="wrong")).status == 401
    assert (await browser.log_in(key=word_of(READER))).status == 303
    async with front.logged_in(), front.browser() as other:
        assert await use_link(other, front.link.partition("token=")[2]) == 303
    audit.away = False
    await until(lambda: len(audit.entries) == 3)
    assert audit.entries == [
        Entry(who="the-reader", act="logged-in", about="key"),
        Entry(who="owner", act="logged-in", about="key"),
        Entry(who="owner", act="logged-in", about="one-time link"),
    ]


async def test_who_guesses_at_one_person_from_everywhere_waits_and_the_person_does_not(
    front: RunningFront, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address of its own for each guess: only whose word it means to be is the same."""
    addresses = (f"192.0.2.{number}" for number in range(250))
    monkeypatch.setattr("aiohttp.web.Request.remote", property(lambda _: next(addresses)))
    wrong = word_of(READER)[:-3] + "AAA"

    async def guess() -> int:
        async with front.browser() as guesser:
            return (await guesser.ask("/api/requests", headers={"X-Nexus-Key": wrong})).status

    assert [await guess() for _ in range(5)] == [401] * 5
    async with asyncio.TaskGroup() as tasks:
        guesses = [tasks.create_task(guess()) for _ in range(30)]
        await until(lambda: sum(one.done() for one in guesses) >= 22)
        assert {one.result() for one in guesses if one.done()} == {429}
        assert (await browser.ask("/api/requests", headers={"X-Nexus-Key": word_of(READER)})).status == 200
        assert (await browser.ask("/api/requests", headers={"X-Nexus-Key": KEY})).status == 200
        for one in guesses:
            one.cancel()
