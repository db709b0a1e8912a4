"""Every route for everybody: who gets what is a table, and a route that is not in it fails."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.web import DynamicResource

from dashboard.routes import Access, routes
from tests.managed import key as client_key
from tests.route_table import rows
from tests.running_front import ERASED, KEY, KNOWN, UNKNOWN, RunningFront, running_front

IDS = {"known": KNOWN, "erased": ERASED, "unknown": UNKNOWN}
MATRIX = rows("The dashboard's front")


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
            "client key": (stranger, {"Authorization": f"Bearer {client_key().text.decode()}"}),
            "key": (stranger, {"X-Nexus-Key": KEY}),
            "session": (user, {}),
        }
        wrong = []
        for row in MATRIX:
            path = row.path.format(**IDS)
            form: dict[str, str] | None = {} if row.method == "POST" else None
            for who, status in row.expected.items():
                browser, headers = asked[who]
                answer = await browser.ask(path, row.method, headers=headers, data=form)
                if str(answer.status) != status:
                    wrong.append(f"{row.method} {path} as {who}: {answer.status}, not {status}")
    assert "\n".join(wrong) == ""


class Anything:
    """Has every member: for looking at the table alone."""

    def __getattr__(self, name: str) -> object:
        return Anything()


TABLE = routes(Anything())  # type: ignore[arg-type]  # only the table is looked at


def test_the_table_names_every_route() -> None:
    """A route that nobody thought about would not be tried by any path."""
    tried = set[str]()
    for row in MATRIX:
        plain = row.plain_path.format(**IDS)
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
