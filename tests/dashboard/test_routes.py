"""Every route for everybody: who gets what is a table, and a route that is not in it fails."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.web import DynamicResource

from dashboard.routes import Access, routes
from tests.running_front import ERASED, KEY, KNOWN, UNKNOWN, RunningFront, running_front

WHO = ("anonymous", "wrong key", "key", "session")
Row = tuple[str, str, int, int, int, int]
MATRIX: list[Row] = [
    # method, path, then the status for each of WHO
    ("GET", "/health", 200, 200, 200, 200),
    ("HEAD", "/health", 200, 200, 200, 200),
    ("GET", "/login", 200, 200, 200, 303),
    ("POST", "/login", 403, 403, 403, 403),
    ("GET", "/logout", 303, 303, 303, 200),
    ("POST", "/logout", 303, 303, 303, 403),
    ("GET", "/assets/own.css", 200, 200, 200, 200),
    ("GET", "/assets/nothing.css", 404, 404, 404, 404),
    ("GET", "/assets/../login.html", 404, 404, 404, 404),
    ("GET", "/assets/%2e%2e/login.html", 404, 404, 404, 404),
    ("GET", "/api/health", 401, 401, 200, 200),
    ("GET", "/api/requests", 401, 401, 200, 200),
    ("HEAD", "/api/requests", 401, 401, 200, 200),
    ("POST", "/api/requests", 401, 401, 405, 405),
    ("GET", "/api/requests?limit=x", 401, 401, 400, 400),
    ("GET", f"/api/requests/{KNOWN}", 401, 401, 200, 200),
    ("GET", f"/api/requests/{UNKNOWN}", 401, 401, 404, 404),
    ("GET", "/api/requests/no-id", 401, 401, 404, 404),
    ("GET", f"/api/requests/{KNOWN}/body", 401, 401, 200, 200),
    ("HEAD", f"/api/requests/{KNOWN}/body", 401, 401, 200, 200),
    ("GET", f"/api/requests/{ERASED}/body", 401, 401, 410, 410),
    ("GET", f"/api/requests/{UNKNOWN}/body", 401, 401, 404, 404),
    ("GET", f"/api/requests/{KNOWN}/response", 401, 401, 200, 200),
    ("GET", f"/api/requests/{ERASED}/response", 401, 401, 410, 410),
    ("GET", f"/api/requests/{UNKNOWN}/response", 401, 401, 404, 404),
    ("GET", f"/api/requests/{KNOWN}/events", 401, 401, 200, 200),
    ("GET", f"/api/requests/{UNKNOWN}/events", 401, 401, 404, 404),
    ("GET", "/api/conversations", 401, 401, 200, 200),
    ("GET", f"/api/conversations/{KNOWN}", 401, 401, 200, 200),
    ("GET", f"/api/conversations/{UNKNOWN}", 401, 401, 404, 404),
    ("GET", f"/api/conversations/{KNOWN}/tree", 401, 401, 200, 200),
    ("GET", f"/api/conversations/{UNKNOWN}/tree", 401, 401, 404, 404),
    ("GET", "/api", 401, 401, 404, 404),
    ("GET", "/api/", 401, 401, 404, 404),
    ("GET", "/api/nothing", 401, 401, 404, 404),
    ("DELETE", f"/api/requests/{KNOWN}", 401, 401, 405, 405),
    ("GET", "/static/app.js", 302, 302, 302, 200),
    ("GET", "/static/missing.js", 302, 302, 302, 404),
    ("GET", "/", 302, 302, 302, 200),
    ("HEAD", "/", 302, 302, 302, 200),
    ("GET", "/conversations/x", 302, 302, 302, 200),
    ("GET", "/apis", 302, 302, 302, 200),
    ("GET", "/healthy", 302, 302, 302, 200),
    ("GET", "/login/", 302, 302, 302, 200),
    ("GET", "//evil.example/", 302, 302, 302, 200),
    ("POST", "/conversations/x", 405, 405, 405, 405),
    ("PUT", "/", 405, 405, 405, 405),
]


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


async def test_everybody_gets_what_the_table_says(front: RunningFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.throttle.FREE_TRIES", 1000)
    async with front.browser() as stranger, front.logged_in() as user:
        asked = {
            "anonymous": (stranger, {}),
            "wrong key": (stranger, {"X-Nexus-Key": "no"}),
            "key": (stranger, {"X-Nexus-Key": KEY}),
            "session": (user, {}),
        }
        wrong = []
        for method, path, *expected in MATRIX:
            for who, status in zip(WHO, expected, strict=True):
                browser, headers = asked[who]
                answer = await browser.ask(path, method, headers=headers, data={} if method == "POST" else None)
                if answer.status != status:
                    wrong.append(f"{method} {path} as {who}: {answer.status}, not {status}")
    assert "\n".join(wrong) == ""


class Anything:
    """Has every member: for looking at the table alone."""

    def __getattr__(self, name: str) -> object:
        return Anything()


TABLE = routes(Anything())  # type: ignore[arg-type]  # only the table is looked at


def test_the_table_names_every_route() -> None:
    """A route that nobody thought about would not be tried by any path."""
    tried = set[str]()
    for _, path, *_ in MATRIX:
        plain = path.partition("?")[0]
        tried.add(
            next(route.path for route in TABLE if DynamicResource(route.path).get_info()["pattern"].fullmatch(plain))
        )
    assert tried == {route.path for route in TABLE}


def test_only_these_are_open_to_everybody() -> None:
    opened = {route.path for route in TABLE if route.access is Access.OPEN}
    assert opened == {"/health", "/login", "/logout", "/assets/{name:.+}"}
    assert all(route.access is Access.API for route in TABLE if route.path.startswith("/api"))


async def test_a_stranger_is_sent_to_the_login_and_back(front: RunningFront) -> None:
    async with front.browser() as stranger:
        answer = await stranger.ask("/conversations/x?tab=2&q=a%20b")
        assert answer.headers["Location"] == "/login?next=/conversations/x%3Ftab%3D2%26q%3Da%2520b"
        assert (await stranger.ask("/")).headers["Location"] == "/login"
    assert front.worker.requests == []
