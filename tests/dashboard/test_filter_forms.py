"""Saving and removing filters: by a page of whoever is logged in, for himself; nobody else writes, or reads them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dashboard.filter_forms import KeepsNothing
from dashboard.people import Standing
from domain.saved_filters import MOST_FILTERS, UnfitFilterError, View
from domain.viewers import OWNER, Viewer
from tests.hostile_text import HOSTILE
from tests.running_front import KEY, Browser, RunningFront, running_front
from tests.some_people import SomePeople, word_of

READER, ADMIN, COUNTER = "reader00", "admin000", "usage000"
FINE = {"path": "/requests", "query": "?status=500&cursor=abc&x=1", "name": "bad ones"}


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front(people=SomePeople()) as front:
        yield front


@asynccontextmanager
async def one(front: RunningFront, person_id: str = "") -> AsyncIterator[Browser]:
    """A person's browser; without an id the owner's."""
    async with front.browser() as browser:
        assert (await browser.log_in(key=word_of(person_id) if person_id else KEY)).status == 303
        yield browser


async def sent(browser: Browser, to: str = "/filters", **fields: str) -> Any:
    """As a page sends it."""
    form = {**await browser.form("/logout"), **(FINE if to == "/filters" else {}), **fields}
    headers = {"Origin": browser.origin, "Accept": "application/json"}
    return await browser.ask(to, "POST", data=form, headers=headers)


async def told(browser: Browser, **how: Any) -> list[tuple[str, str]]:
    answer = await browser.ask("/api/filters", **how)
    assert answer.status == 200
    said = json.loads(answer.body)
    assert said["next_cursor"] is None
    return [(item["name"], item["url"]) for item in said["items"]]


def reason(answer: Any) -> str:
    message: str = json.loads(answer.body)["error"]["message"]
    return message


async def test_what_a_person_saves_is_found_in_any_browser_of_his_and_in_no_other(front: RunningFront) -> None:
    async with (
        one(front, READER) as mine,
        one(front, READER) as also_mine,
        one(front, ADMIN) as other,
        one(front) as owner,
    ):
        saved = await sent(mine)
        assert (saved.status, json.loads(saved.body)) == (200, {"replaced": False})
        expected = [("bad ones", "/requests?status=500")]
        assert await told(also_mine) == expected == await told(mine, headers={"X-Nexus-Key": word_of(READER)})
        assert await told(other) == await told(owner) == []
        assert (await sent(other, name="Bad Ones", path="/usage", query="?by=model")).status == 200
        assert (await sent(owner, name="mine")).status == 200
        assert await told(mine) == expected
        assert await told(other) == [("Bad Ones", "/usage?by=model")]
        assert (
            await told(owner) == [("mine", "/requests?status=500")] == await told(owner, headers={"X-Nexus-Key": KEY})
        )


async def test_under_a_name_that_is_there_it_takes_its_place_and_removed_it_is_gone(front: RunningFront) -> None:
    async with one(front, READER) as mine, one(front, ADMIN) as other:
        await sent(mine)
        await sent(other)
        again = await sent(mine, name=" BAD  ones ", query="status=529")
        assert json.loads(again.body) == {"replaced": True}
        assert await told(mine) == [("BAD ones", "/requests?status=529")]
        for _ in range(2):  # another tab may have been first
            assert (await sent(mine, "/filters/remove", name="bad ones")).status == 200
        assert await told(mine) == []
        assert await told(other) == [("bad ones", "/requests?status=500")]
        assert (await sent(mine, "/filters/remove")).status == 200


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": ""}, 400, "Give it a name"),
        ({"name": "a\u202eb"}, 400, "is no name"),
        ({"name": "x" * 81}, 400, "at most 80"),
        ({"path": "/overview"}, 400, "not saved"),
        ({"path": "https://evil.example/"}, 400, "not saved"),
        ({"path": "/search", "query": "q=x"}, 403, "numbers"),
        ({"query": "?cursor=x"}, 400, "choose a filter first"),
        ({"query": f"?model={'é' * 400}&session={'é' * 400}"}, 400, "longer"),
    ],
)
async def test_what_is_refused_is_said_and_leaves_nothing(
    front: RunningFront, fields: dict[str, str], status: int, words: str
) -> None:
    async with one(front, COUNTER) as browser:
        answer = await sent(browser, **fields)
        assert answer.status == status
        assert words in reason(answer)
        assert await told(browser) == []


async def test_only_a_page_of_ours_may_send_it(front: RunningFront) -> None:
    """No key, no other origin, no other session's word; not without a word, nor in the address."""
    async with one(front, READER) as mine, one(front, ADMIN) as other, front.browser() as stranger:
        word, others_word = await mine.form("/logout"), await other.form("/logout")
        here = {"Origin": mine.origin}
        for path in ("/filters", "/filters/remove"):
            tried = [
                (stranger, {"X-Nexus-Key": KEY}, {**FINE, **word}, 401),
                (stranger, {"Authorization": f"Bearer {word_of(READER)}"}, {**FINE, **word}, 401),
                (mine, {"Origin": "http://evil.example"}, {**FINE, **word}, 403),
                (mine, {"Origin": "null"}, {**FINE, **word}, 403),
                (mine, {"Sec-Fetch-Site": "cross-site"}, {**FINE, **word}, 403),
                (mine, here, FINE, 403),
                (mine, here, {**FINE, "csrf": ""}, 403),
                (mine, here, {**FINE, **others_word}, 403),
            ]
            for browser, headers, form, status in tried:
                answer = await browser.ask(path, "POST", data=form, headers=headers)
                assert (answer.status, headers) == (status, headers)
            in_address = await mine.ask(f"{path}?csrf={word['csrf']}", "POST", data=FINE, headers=here)
            as_json = await mine.ask(path, "POST", json={**FINE, **word}, headers=here)
            assert (in_address.status, as_json.status) == (403, 400)
        assert front.store.filters.by_person == {}


async def test_who_was_put_out_or_logged_out_saves_nothing() -> None:
    people = SomePeople()
    async with running_front(people=people) as front, one(front, READER) as browser:
        word = await browser.form("/logout")
        people.put("reader", frozenset({"acme"}))
        assert (await browser.ask("/filters", "POST", data={**FINE, **word})).status == 401
        assert front.store.filters.by_person == {}


async def test_who_is_no_person_saves_nothing_and_has_nothing() -> None:
    people = SomePeople()
    people.standings[READER] = Standing(READER, Viewer(name="anybody", role="reader", accounts=None), 1)
    async with running_front(people=people) as front, one(front, READER) as browser:
        for path in ("/filters", "/filters/remove"):
            answer = await sent(browser, path)
            assert answer.status == 403
            assert "Only a person" in reason(answer)
        assert await told(browser) == []
        assert front.store.filters.by_person == {}


async def test_a_role_that_lost_the_text_keeps_its_filters_and_is_shown_those_of_its_pages(front: RunningFront) -> None:
    async with one(front, COUNTER) as browser:
        viewer = Viewer(name="x", role="reader", accounts=None, person_id=COUNTER)
        await front.store.filters.save(viewer, "said", View("/search", "q=x"))
        await sent(browser)
        assert await told(browser) == [("bad ones", "/requests?status=500")]


async def test_a_store_that_is_away_is_said_and_nothing_is_half_kept(front: RunningFront) -> None:
    async with one(front, READER) as browser:
        front.store.filters.away = True
        for path in ("/filters", "/filters/remove"):
            answer = await sent(browser, path, name="x")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert "database does not answer" in reason(answer)
        front.store.filters.away = False
        assert await told(browser) == []


async def test_names_and_words_are_whatever_they_are(front: RunningFront) -> None:
    async with one(front, READER) as browser:
        kept = 0
        for number, text in enumerate(HOSTILE):
            name = f"{number} {text}".encode(errors="replace").decode()[:80]
            answer = await sent(browser, name=name, query=f"?model={number}")
            assert answer.status in {200, 400}
            kept += answer.status == 200
        found = await told(browser)
        assert len(found) == kept > len(HOSTILE) / 2
        assert all(name.split() == name.strip().split() for name, _ in found)


async def test_so_many_and_no_more(front: RunningFront) -> None:
    async with one(front, READER) as browser:
        viewer = Viewer(name="x", role="reader", accounts=None, person_id=READER)
        for number in range(MOST_FILTERS):
            await front.store.filters.save(viewer, f"filter {number}", View("/requests", "status=500"))
        answer = await sent(browser)
        assert answer.status == 400
        assert str(MOST_FILTERS) in reason(answer)


async def test_a_dashboard_that_has_nowhere_to_write_says_so() -> None:
    keeps = KeepsNothing()
    with pytest.raises(UnfitFilterError, match="nowhere"):
        await keeps.save(OWNER, "x", View("/requests", "a=b"))
    await keeps.remove(OWNER, "x")
