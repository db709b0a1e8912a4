"""Pages pass through: the request without what is nobody's business, the answer without what is not the browser's."""

import gzip
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from dashboard.people import OWNER_STANDING
from dashboard.proxying import headers_for_worker, worker_url
from dashboard.sessions import Session
from dashboard.viewing import VIEWER_HEADER, written
from domain.viewers import OWNER
from tests.running_front import Browser, RunningFront, running_front


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.logged_in() as browser:
        yield browser


@pytest.mark.parametrize("path", ["/", "/requests?a=1&b=%20x", "/talks/%2e%2e/x", "//a//b", "/a;b?c;d", "/ü?ü=ü"])
async def test_path_and_query_arrive_as_they_came(front: RunningFront, browser: Browser, path: str) -> None:
    raw = quote(path, safe="/?&=%;")
    await browser.ask(raw)
    assert front.worker.requests[-1].raw_path == raw


async def test_what_the_page_needs_goes_through_and_nothing_else(front: RunningFront, browser: Browser) -> None:
    sent = {
        "Accept-Language": "de",
        "User-Agent": "Browser/1",
        "Authorization": "Bearer key",
        "X-Nexus-Key": "key",
        "X-Nexus-Csrf": "forged",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=1.2.3.4",
        "Range": "bytes=0-1",
        "Connection": "keep-alive",
        "TE": "trailers",
    }
    await browser.ask("/requests", headers=sent)
    got = front.worker.requests[-1].headers
    assert (got["Accept-Language"], got["User-Agent"], got["Host"]) == ("de", "Browser/1", browser.host)
    assert got.getall("X-Nexus-Csrf") != ["forged"]
    assert len(got.getall("X-Nexus-Csrf")) == 1
    gone = {"Cookie", "Authorization", "X-Nexus-Key", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Range", "TE"}
    assert gone.isdisjoint(got.keys())


async def test_the_worker_sets_no_cookie_and_says_nothing_of_itself(browser: Browser) -> None:
    answer = await browser.ask("/requests")
    assert answer.headers["X-From-Worker"] == "yes"
    assert "worker" not in browser.cookies()
    assert answer.headers["Server"] == "nexus"
    assert len(answer.headers.getall("Date")) == 1


@pytest.mark.parametrize(("accept", "coding"), [("gzip", "gzip"), ("br", None), ("", None), ("gzip;q=0", None)])
async def test_a_page_is_compressed_for_who_takes_it(browser: Browser, accept: str, coding: str | None) -> None:
    answer = await browser.ask("/requests", headers={"Accept-Encoding": accept})
    assert answer.headers.get("Content-Encoding") == coding
    body = gzip.decompress(answer.body) if coding else answer.body
    assert body == ("<html>" + "page " * 1000).encode()


async def test_the_head_alone_has_no_body(browser: Browser) -> None:
    answer = await browser.ask("/requests", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_a_redirect_is_for_the_browser(front: RunningFront, browser: Browser) -> None:
    answer = await browser.ask("/redirect")
    assert (answer.status, answer.headers["Location"]) == (302, "/conversations")
    assert [request.path for request in front.worker.requests] == ["/redirect"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/nowhere", 404, "No page has this address."), ("/mistaken", 500, "its log says why")],
)
async def test_an_error_of_the_worker_is_told_in_our_words(
    browser: Browser, path: str, status: int, words: str
) -> None:
    page = await browser.ask(path, headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert words in page.text
    assert "own words" not in page.text
    plain = await browser.ask(path)
    assert (plain.status, plain.headers["Content-Type"]) == (status, "application/json")
    assert words in plain.text


async def test_a_worker_that_dies_in_the_middle_is_said_to_start(browser: Browser) -> None:
    answer = await browser.ask("/broken", headers={"Accept": "text/html"})
    assert answer.status == 503
    assert "starting" in answer.text


@pytest.mark.parametrize("accept", ["", "gzip"])
async def test_a_page_that_breaks_off_breaks_off(browser: Browser, accept: str) -> None:
    """And is not continued with something else."""
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)):
        await browser.ask("/half", headers={"Accept-Encoding": accept})


async def test_files_of_the_worker_are_kept(front: RunningFront, browser: Browser) -> None:
    for _ in range(3):
        sent = {"Accept-Encoding": "gzip", "X-Nexus-Csrf": "forged"}
        answer = await browser.ask("/static/app.js?v=1", headers=sent)
        assert gzip.decompress(answer.body) == b"let x = 1;\n" * 500
        assert answer.headers["Cache-Control"].startswith("public")
        assert "javascript" in answer.headers["Content-Type"]
    assert [request.path for request in front.worker.requests] == ["/static/app.js"]
    assert "X-Nexus-Csrf" not in front.worker.requests[0].headers


def test_the_worker_is_asked_under_a_name_that_is_never_looked_up() -> None:
    assert str(worker_url(make_mocked_request("GET", "//evil.example/x?y=%2F"))) == "http://panel//evil.example/x?y=%2F"


def test_the_handshake_of_a_websocket_is_made_anew() -> None:
    sent = {"Sec-WebSocket-Key": "k", "Sec-WebSocket-Protocol": "bokeh", "Upgrade": "websocket", "Origin": "http://a"}
    session = Session(b"", "the-word", 0.0, 0.0, OWNER_STANDING)
    headers = headers_for_worker(make_mocked_request("GET", "/ws", headers=sent), session)
    assert dict(headers) == {"Origin": "http://a", "X-Nexus-Csrf": "the-word", VIEWER_HEADER: written(OWNER)}
