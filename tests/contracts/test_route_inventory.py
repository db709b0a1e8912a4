"""Every route of the gateway and of what is behind the dashboard, for everybody, is what the reviewed table says."""

import tempfile
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import Any, cast

import pytest

from dashboard.app import PagesConfig, make_server
from domain.key_scopes import ROUTES, SCOPES
from gateway.health import LocalAnswers
from tests.fake_data import FakeDataStore
from tests.fake_upstream import fixed
from tests.managed import access, key
from tests.route_table import FORWARDED, Row, rows
from tests.running_gateway import RunningGateway, gateway_before

MANAGED, PASSED, FRONT = rows("The gateway, managed"), rows("The gateway, pass-through"), rows("The dashboard's front")
UPSTREAMS_OWN = b"299 Upstream"
KEYS = {scope: key(number, scopes=frozenset({scope})) for number, scope in enumerate(sorted(SCOPES), 10)}
REVOKED = key(2, revoked_at=datetime(2026, 1, 1, tzinfo=UTC), scopes=frozenset({"all"}))
WHO: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "anonymous": (),
    "own credential": ((b"x-api-key", b"sk-ant-api03-mine"),),
    "wrong key": (key(99).bearer,),
    "revoked key": (REVOKED.bearer,),
    **{scope: (one.bearer,) for scope, one in KEYS.items()},
}


class Anything:
    """Has every member: for looking at a table alone."""

    def __getattr__(self, name: str) -> Any:
        return Anything()


async def differences(gateway: RunningGateway, table: list[Row]) -> list[str]:
    wrong = []
    for row in table:
        for who, expected in row.expected.items():
            async with gateway.client() as client:
                answer = await client.request(row.method, row.path.encode(), *WHO[who])
            got = FORWARDED if answer.status == 299 else str(answer.status)
            if got != expected:
                wrong.append(f"{row.method} {row.path} as {who}: {got}, not {expected}")
    return wrong


async def test_in_managed_mode_everybody_gets_what_the_table_says(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"", UPSTREAMS_OWN), tmp_path, access(*KEYS.values(), REVOKED)) as (_, gateway):
        assert "\n".join(await differences(gateway, MANAGED)) == ""


async def test_in_pass_through_everybody_gets_what_the_table_says(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"", UPSTREAMS_OWN), tmp_path) as (_, gateway):
        assert "\n".join(await differences(gateway, PASSED)) == ""


def tried(table: list[Row], path: str) -> set[str]:
    return {row.method for row in table if row.plain_path == path}


@pytest.mark.parametrize("table", [MANAGED, PASSED], ids=["managed", "pass-through"])
def test_every_answer_of_our_own_is_in_the_table(table: list[Row]) -> None:
    local = LocalAnswers(*[cast("Any", Anything()) for _ in signature(LocalAnswers).parameters])
    paths = set(local._table)
    assert paths
    for path in paths:
        assert {"GET", "HEAD", "POST"} <= tried(table, path), path


def test_every_scope_has_its_column_and_every_route_and_method_of_it_a_row() -> None:
    assert set(MANAGED[0].expected) == set(WHO)
    for scope, routes in ROUTES.items():
        for route in routes:
            fitting = [row for row in MANAGED if route.path.fullmatch(row.plain_path.encode())]
            for method in route.methods:
                found = [row for row in fitting if row.method == method]
                assert found, f"{method} {route.path.pattern!r}"
                assert all(row.expected[scope] == FORWARDED for row in found)
            assert any(row.method not in route.methods for row in fitting), f"another method on {route.path.pattern!r}"


def test_nobody_without_a_good_key_ever_gets_an_answer_of_upstreams() -> None:
    for row in MANAGED:
        for who in ("anonymous", "own credential", "wrong key", "revoked key"):
            assert row.expected[who] in ({"200"} if row.expected["all"] == "200" else {"401"})


async def test_every_path_of_the_panel_worker_is_asked_for_through_the_front() -> None:
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        pages = PagesConfig(("127.0.0.1:3001",), ("nexus claude",), b"s" * 32)
        server = make_server(FakeDataStore(), lambda: datetime(2026, 5, 4, tzinfo=UTC), pages, Path(folder) / "s")
        patterns = [rule.matcher.regex for rule in server._tornado.wildcard_router.rules]
        server.stop()
    assert patterns
    for pattern in patterns:
        fitting = [row for row in FRONT if pattern.fullmatch(row.plain_path)]
        assert fitting, f"no row asks for {pattern.pattern}"
        for row in fitting:
            assert row.expected["anonymous"] in {"302", "405"} or row.plain_path.startswith("/assets/")
