"""Every route for everybody: who gets what is a table, and a route that is not in it fails."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp.web import DynamicResource

from dashboard import page_access
from dashboard.routes import Access, routes
from domain.viewers import ROLES, Role, Viewer
from tests.managed import key as client_key
from tests.route_table import rows
from tests.running_front import ERASED, KEY, KNOWN, UNKNOWN, Browser, RunningFront, running_front
from tests.some_people import SomePeople, word_of

IDS = {"known": KNOWN, "erased": ERASED, "unknown": UNKNOWN}
MATRIX = rows("The dashboard's front")


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front(people=SomePeople()) as front:
        yield front


async def test_everybody_gets_what_the_table_says(front: RunningFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.throttle.FREE_TRIES", 1000)
    async with front.browser() as stranger, front.logged_in() as user, AsyncExitStack() as stack:
        people: dict[str, Browser] = {role: await stack.enter_async_context(front.browser()) for role in ROLES}
        for role, browser in people.items():
            assert (await browser.log_in(key=word_of(role.ljust(8, "0")))).status == 303
        asked = {
            "anonymous": (stranger, {}),
            "wrong key": (stranger, {"X-Nexus-Key": "no"}),
            "client key": (stranger, {"Authorization": f"Bearer {client_key().text.decode()}"}),
            "key": (stranger, {"X-Nexus-Key": KEY}),
            "session": (user, {}),
            **{role: (browser, {}) for role, browser in people.items()},
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
    """Has every member, and takes whatever it is given: for looking at the table alone."""

    def __getattr__(self, name: str) -> object:
        return Anything()

    def __call__(self, _: object) -> object:
        return self


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


@pytest.mark.parametrize("role", ROLES)
def test_who_may_less_is_refused_by_the_table_and_everything_else_is_as_for_the_owner(role: Role) -> None:
    """What a route or a page needs says who gets it; whatever a row says, it says it of an ability."""
    viewer = Viewer(name="x", role=role, accounts=None)
    for row in MATRIX:
        plain = row.plain_path.format(**IDS)
        if row.method == "POST":
            continue
        pattern = (DynamicResource(route.path).get_info()["pattern"] for route in TABLE)
        route = next(route for route, one in zip(TABLE, pattern, strict=True) if one.fullmatch(plain))
        needs = page_access.needed(plain) if route.path == "/{rest:.*}" else route.needs
        needs = "raw" if "redact=0" in row.path else needs
        expected = row.expected["session"] if viewer.may(needs) else "403"
        assert row.expected[role] == expected, (row.method, row.path)


def test_only_these_are_open_to_everybody() -> None:
    opened = {route.path for route in TABLE if route.access is Access.OPEN}
    assert opened == {"/health", "/login", "/logout", "/csp-report", "/assets/{name:.+}"}
    assert all(route.access is Access.API for route in TABLE if route.path.startswith("/api"))


async def test_a_stranger_is_sent_to_the_login_and_back(front: RunningFront) -> None:
    async with front.browser() as stranger:
        answer = await stranger.ask("/conversations/x?tab=2&q=a%20b")
        assert answer.headers["Location"] == "/login?next=/conversations/x%3Ftab%3D2%26q%3Da%2520b"
        assert (await stranger.ask("/")).headers["Location"] == "/login"
    assert front.worker.requests == []
