"""Every answer has its headers, every error its form, and nothing of a request comes back or into the log."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from dashboard.security import HEADERS, OWN_POLICY
from tests.running_front import ERASED, KEY, KNOWN, Answer, Browser, RunningFront, running_front
from tests.wire_client import wire_client

NAMES = [*HEADERS, "Content-Security-Policy", "Cache-Control"]


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.browser() as browser:
        yield browser


def is_secured(answer: Answer) -> bool:
    said = {name: answer.headers.get(name) for name in HEADERS}
    policy = answer.headers.get("Content-Security-Policy", "")
    return (
        said == HEADERS
        and "default-src 'none'" in policy
        and "frame-ancestors 'none'" in policy
        and answer.headers.get("Server") == "nexus"
        and "Cache-Control" in answer.headers
        and all(len(answer.headers.getall(name)) == 1 for name in NAMES)
    )


ANSWERS: list[tuple[str, str, dict[str, str], int]] = [
    ("GET", "/health", {}, 200),
    ("GET", "/login", {}, 200),
    ("POST", "/login", {}, 400),
    ("GET", "/", {}, 302),
    ("POST", "/csp-report", {}, 400),
    ("POST", "/csp-report", {"Origin": "http://evil.example"}, 403),
    ("GET", "/assets/app.css", {}, 200),
    ("GET", "/assets/none.css", {}, 404),
    ("GET", "/api/requests", {}, 401),
    ("GET", "/api/requests", {"X-Nexus-Key": KEY}, 200),
    ("HEAD", "/api/requests", {"X-Nexus-Key": KEY}, 200),
    ("GET", f"/api/requests/{KNOWN}/body", {"X-Nexus-Key": KEY}, 200),
    ("GET", f"/api/requests/{ERASED}/body", {"X-Nexus-Key": KEY}, 410),
    ("GET", "/api/requests?limit=x", {"X-Nexus-Key": KEY}, 400),
    ("GET", "/api/none", {"X-Nexus-Key": KEY}, 404),
    ("PUT", "/login", {}, 405),
    ("TRACE", "/", {}, 405),
    ("GET", "/", {"Host": "evil.example"}, 421),
    ("POST", "/login", {"Origin": "http://evil.example"}, 403),
    ("GET", "/login", {"Expect": "200-maybe"}, 417),
]


@pytest.mark.bar(63)
async def test_every_kind_of_answer_has_the_headers(browser: Browser) -> None:
    for method, path, headers, status in ANSWERS:
        answer = await browser.ask(path, method, headers=headers)
        assert (answer.status, is_secured(answer)) == (status, True), f"{method} {path}: {dict(answer.headers)}"
        assert answer.headers["Content-Security-Policy"] == OWN_POLICY


@pytest.mark.bar(63)
async def test_pages_have_the_headers_and_the_policy_that_panel_needs(front: RunningFront) -> None:
    async with front.logged_in() as browser:
        for path in ("/", "/redirect"):
            answer = await browser.ask(path)
            assert is_secured(answer)
            assert "'unsafe-eval'" in answer.headers["Content-Security-Policy"]
            assert f"ws://localhost:{front.port}" in answer.headers["Content-Security-Policy"]
        assert is_secured(await browser.ask("/static/app.js"))
        assert is_secured(await browser.ask("/broken"))


@pytest.mark.bar(63)
async def test_an_opened_websocket_has_the_headers(front: RunningFront) -> None:
    async with front.logged_in() as browser, browser.socket() as socket:
        headers = socket._response.headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.bar(63)
async def test_a_handlers_mistake_is_said_without_its_words(front: RunningFront, browser: Browser) -> None:
    front.store.broken = True
    with capture_logs() as logs:
        answer = await browser.ask("/api/requests", headers={"X-Nexus-Key": KEY})
    assert answer.status == 500
    assert is_secured(answer)
    assert json.loads(answer.body)["error"]["type"] == "api_error"
    assert "secret" not in answer.text
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert entry["error"] == "ZeroDivisionError"
    assert "secret" not in str(logs)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Nexus-Key: sk-ant-secret\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header\x01: sk-ant-secret\r\n\r\n",
        b"sk-ant-secret\r\n\r\n",
        b"GET /" + b"sk-ant-secret" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"sk-ant-secret" * 2000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nsk-ant-secret",
    ],
)
async def test_what_cannot_be_parsed_is_quoted_nowhere(front: RunningFront, raw: bytes) -> None:
    with capture_logs() as logs:
        async with wire_client(front.port) as client:
            await client.send(raw)
            answer = await client.answer()
    assert 400 <= answer.status < 500
    assert answer.one(b"x-frame-options") == b"DENY"
    assert answer.one(b"content-security-policy") == OWN_POLICY.encode()
    assert b"secret" not in answer.body
    assert "secret" not in str(logs)


@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        (b"http://localhost/login", [(b"Host", b"localhost")], 400),
        (b"http://evil.example/login", [(b"Host", b"localhost")], 400),
        (b"/login", [(b"Host", b"localhost"), (b"Host", b"localhost")], 400),
        (b"/login", [(b"Host", b"evil.example")], 421),
        (b"/login", [(b"Host", b"")], 421),
        (b"/login", [(b"Host", b"localhost")], 200),
        (b"/login", [(b"Host", b"127.0.0.1:3001")], 200),
    ],
)
@pytest.mark.bar(65)
async def test_who_asks_for_somebody_else_is_not_answered(
    front: RunningFront, target: bytes, lines: list[tuple[bytes, bytes]], status: int
) -> None:
    async with wire_client(front.port) as client:
        answer = await client.request("GET", target, *lines)
    assert answer.status == status


async def test_without_a_host_nobody_is_answered(front: RunningFront) -> None:
    async with wire_client(front.port) as client:
        await client.send(b"GET /login HTTP/1.0\r\n\r\n")
        assert (await client.answer()).status in {400, 421}


@pytest.mark.parametrize(
    ("accept", "content_type", "path"),
    [
        ("text/html,*/*", "text/html", "/assets/none.css"),
        ("*/*", "application/json", "/assets/none.css"),
        ("text/html", "application/json", "/api/none"),
    ],
)
async def test_an_error_is_a_page_for_a_browser_and_json_for_a_script(
    browser: Browser, accept: str, content_type: str, path: str
) -> None:
    answer = await browser.ask(path, headers={"Accept": accept, "X-Nexus-Key": KEY})
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith(content_type)


async def test_behind_tls_the_browser_is_told_to_stay_there() -> None:
    async with running_front(public_urls=("https://nexus.example",)) as front, front.browser() as browser:
        secure = await browser.ask("/login", headers={"Host": "nexus.example"})
        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Secure" in secure.headers["Set-Cookie"]
        plain = await browser.ask("/login")
        assert "Strict-Transport-Security" not in plain.headers
        assert "Secure" not in plain.headers["Set-Cookie"]


async def test_what_a_page_may_keep_it_says_itself(browser: Browser) -> None:
    assert (await browser.ask("/login")).headers["Cache-Control"] == "no-store"
    assert (await browser.ask("/assets/app.css?v=1")).headers["Cache-Control"].startswith("public")


async def test_nobody_from_elsewhere_may_read_an_answer(browser: Browser) -> None:
    answer = await browser.ask("/api/requests", headers={"X-Nexus-Key": KEY, "Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_a_half_sent_head_does_not_hold_up_the_others(front: RunningFront, browser: Browser) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(b"GET / HTTP/1.1\r\nHo")
    assert (await browser.ask("/health")).status == 200
    writer.close()
