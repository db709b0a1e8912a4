"""The Panel worker: what the front did not pass on gets nothing, and a page's session is for its own login alone."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from dashboard.proxying import CSRF_HEADER
from domain.viewers import Viewer
from tests.dashboard.test_app import served
from tests.fake_data import FakeDataStore
from tests.panel_client import Worker
from tests.read_rows import conversation_tree, request_id, tree_node

ID = request_id(1)
COUNTER = Viewer(name="bob", role="usage", accounts=None)
MINE, THEIRS = {CSRF_HEADER: "mine"}, {CSRF_HEADER: "theirs"}


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    store = FakeDataStore()
    store.put_tree(conversation_tree([tree_node(1)]))
    async with served(store) as (_, worker):
        yield worker


async def test_without_the_fronts_word_there_is_no_page_and_no_socket(worker: Worker) -> None:
    token = (await worker.get("/requests")).token
    stranger = replace(worker, viewer=None)
    for path in (
        "/requests",
        f"/conversations/{ID}",
        "/requests/metadata",
        "/requests/autoload.js?bokeh-autoload-element=x",
    ):
        answer = await stranger.get(path)
        assert (answer.status, "data-region" in answer.html) == (302, False), path
    assert await stranger.handshake("/requests", token) == 403
    assert await worker.handshake("/requests", token) == 101


@pytest.mark.bar(69)
async def test_a_session_is_opened_by_the_login_it_was_made_for_and_by_no_other(worker: Worker) -> None:
    token = (await worker.get("/requests", **MINE)).token
    assert await worker.handshake("/requests", token, **THEIRS) == 403
    assert await worker.handshake("/requests", token) == 403
    assert await worker.handshake("/requests", token, **MINE) == 101


@pytest.mark.bar(69)
async def test_nobody_takes_over_a_session_by_its_token_or_id(worker: Worker) -> None:
    page = await worker.get("/requests", **MINE)
    session = page.payload["session_id"]
    for query in (f"?bokeh-token={page.token}", f"?bokeh-session-id={session}"):
        assert (await worker.get(f"/requests{query}", **THEIRS)).status == 302
    assert (await worker.get("/requests", **THEIRS, **{"Bokeh-Session-Id": session})).status == 302


@pytest.mark.parametrize("token", ["", "x", "e30.e30", "é", "bm9ib2R5"])
async def test_what_is_no_token_opens_nothing(worker: Worker, token: str) -> None:
    assert await worker.handshake("/requests", token.encode().decode("latin-1")) == 403


async def test_who_sees_numbers_gets_no_page_of_texts_from_the_worker_either(worker: Worker) -> None:
    counter = replace(worker, viewer=COUNTER)
    for path in (f"/conversations/{ID}", f"/requests/{ID}", "/search"):
        assert (await counter.get(path)).status == 302, path
        assert (await worker.get(path)).status == 200, path
    assert (await counter.get("/requests")).status == 200


async def test_files_need_no_viewer(worker: Worker) -> None:
    assert (await replace(worker, viewer=None).get("/assets/app.css")).status == 200
