"""What browsers stop is counted, in words that were known before, and only so much of it is read."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dashboard.page_access import PAGES
from dashboard.policy_reports import (
    DIRECTIVES,
    MOST_A_MINUTE,
    MOST_IN_ONE,
    OTHER,
    UNREAD,
    WINDOW_S,
    PolicyReports,
    Violation,
    violations_in,
)
from dashboard.refusals import RefusedError
from dashboard.security import REPORTS_TO
from ops.log_fields import KNOWN
from tests.hostile_text import HOSTILE
from tests.running_front import Answer, Browser, RunningFront, running_front

KINDS = {"inline", "eval", "wasm-eval", "data", "blob", "self", "address", OTHER}
PAGES_NAMED = {*PAGES, "/login", "/logout", OTHER}


class Time:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def reports(time: Time) -> PolicyReports:
    return PolicyReports(time)


@pytest.fixture
async def front(reports: PolicyReports) -> AsyncIterator[RunningFront]:
    async with running_front(reports=reports) as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.browser() as browser:
        yield browser


def classic(
    directive: Any = "img-src", blocked: Any = "https://evil.example/x.png?secret", page: Any = "/usage"
) -> Any:
    """As browsers send it to ``report-uri``."""
    where = f"http://localhost:3001{page}" if isinstance(page, str) else page
    return {
        "csp-report": {
            "document-uri": where,
            "effective-directive": directive,
            "blocked-uri": blocked,
            "original-policy": "default-src 'none'",
            "script-sample": "alert(1)",
            "status-code": 200,
        }
    }


def modern(*directives: str) -> Any:
    """As browsers send it to ``report-to``."""
    where = {"documentURL": "http://localhost:3001/requests/x", "blockedURL": "inline", "disposition": "enforce"}
    return [{"type": "csp-violation", "age": 1, "body": where | {"effectiveDirective": one}} for one in directives]


async def report(browser: Browser, said: Any, **headers: str) -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    sent = {"Content-Type": "application/csp-report", "Origin": browser.origin, **headers}
    return await browser.ask(REPORTS_TO, "POST", headers=sent, data=body)


@pytest.mark.bar(63)
async def test_what_a_browser_stops_is_counted_and_logged(reports: PolicyReports, browser: Browser) -> None:
    assert reports.counts == {}
    with capture_logs() as logs:
        assert (await report(browser, classic())).status == 204
        assert (await report(browser, classic("script-src-elem", "inline", "/conversations/0-1?q=mine"))).status == 204
        assert (await report(browser, modern("img-src", "font-src"))).status == 204
    assert reports.counts == {"img-src": 2, "script-src-elem": 1, "font-src": 1}
    assert [(one["detail"], one["place"]) for one in logs] == [
        ("img-src: address", "/usage"),
        ("script-src-elem: inline", "/conversations"),
        ("img-src: inline", "/requests"),
        ("font-src: inline", "/requests"),
    ]
    assert "evil" not in str(logs)
    assert "mine" not in str(logs)
    assert {"detail", "place"} <= KNOWN


@pytest.mark.bar(63)
async def test_only_our_own_pages_report(reports: PolicyReports, browser: Browser) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}):
        assert (await report(browser, classic(), **headers)).status == 403
    assert (await report(browser, classic(), Host="evil.example")).status == 421
    assert reports.counts == {}


@pytest.mark.bar(63)
async def test_whoever_reports_without_end_is_not_read(reports: PolicyReports, browser: Browser, time: Time) -> None:
    statuses = [(await report(browser, classic())).status for _ in range(MOST_A_MINUTE + 3)]
    assert statuses == [204] * MOST_A_MINUTE + [429] * 3
    assert reports.counts == {"img-src": MOST_A_MINUTE, UNREAD: 3}
    time.now = WINDOW_S - 1
    assert (await report(browser, classic())).status == 429
    time.now = WINDOW_S
    assert (await report(browser, classic("font-src"))).status == 204
    assert reports.counts["font-src"] == 1


@pytest.mark.parametrize(
    ("said", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"[" * 10_000, {}, 400),
        (b'"\xff"', {}, 400),
        (b"3", {}, 400),
        ({}, {}, 400),
        (classic(), {"Content-Type": "text/plain"}, 400),
        (b"x" * 17_000, {}, 413),
        ({"csp-report": None}, {}, 204),
        ([], {"Content-Type": "application/reports+json; charset=utf-8"}, 204),
        ([{"type": "deprecation", "body": {}}, 3, None], {}, 204),
    ],
)
async def test_what_is_no_report_is_refused(browser: Browser, said: Any, headers: dict[str, str], status: int) -> None:
    answer = await report(browser, said, **headers)
    assert answer.status == status
    assert (answer.body == b"") == (status == 204)


async def test_a_report_that_does_not_come_is_not_waited_for(
    front: RunningFront, reports: PolicyReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.policy_reports._DEADLINE_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    head = (
        f"POST {REPORTS_TO} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    )
    writer.write(head.encode() + b"{")
    async with asyncio.timeout(10):
        assert b" 400 " in await reader.readline()
    writer.close()
    assert reports.counts == {}


def test_only_so_many_reports_of_one_body_count() -> None:
    assert len(violations_in(json.dumps(modern(*["img-src"] * (MOST_IN_ONE + 5))).encode())) == MOST_IN_ONE


@pytest.mark.parametrize(
    ("said", "violation"),
    [
        (classic("style-src-attr", "inline"), Violation("style-src-attr", "inline", "/usage")),
        (classic("connect-src", "wss://x.example"), Violation("connect-src", "address", "/usage")),
        (classic("img-src", "data:image/png,x"), Violation("img-src", "data", "/usage")),
        (classic("script-src", "eval", "/login?next=/x"), Violation("script-src", "eval", "/login")),
        (classic("script-src", "javascript:x", "/"), Violation("script-src", OTHER, "/")),
        (classic("<script>", "<b>", "/<i>"), Violation(OTHER, OTHER, OTHER)),
        (classic(3, None, []), Violation(OTHER, OTHER, "/")),
        (classic("img-src", "", "//[/"), Violation("img-src", OTHER, OTHER)),
    ],
)
def test_nothing_of_a_report_is_taken_over(said: Any, violation: Violation) -> None:
    assert violations_in(json.dumps(said).encode()) == [violation]


def test_the_directive_may_stand_with_its_values() -> None:
    old = {"csp-report": {"violated-directive": "img-src 'self' data:"}}
    assert violations_in(json.dumps(old).encode())[0].directive == "img-src"


texts = st.text(max_size=30) | st.sampled_from(HOSTILE) | st.sampled_from(sorted(DIRECTIVES))
jsons = st.recursive(
    st.none() | st.booleans() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=4)
        | st.fixed_dictionaries({"csp-report": inner})
        | st.lists(st.fixed_dictionaries({"type": st.just("csp-violation"), "body": inner}), max_size=3)
        | st.fixed_dictionaries({"effective-directive": inner, "blocked-uri": inner, "document-uri": inner})
    ),
    max_leaves=12,
)


@given(jsons.map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_whatever_is_said_only_known_words_come_out(body: bytes) -> None:
    try:
        found: Sequence[Violation] = violations_in(body)
    except RefusedError:
        return
    for one in found:
        assert one.directive in DIRECTIVES | {OTHER}
        assert one.kind in KINDS
        assert one.page in PAGES_NAMED
