"""The demo's Nexus: like ``nexus up``, but nothing of the user's installation gets into it."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops import plan
from ops.console import Console
from ops.demo import stack
from ops.home import Home
from ops.processes import Launch
from ops.reports import Ready
from ops.settings import Settings, load
from ops.settings_text import table
from ops.supervision_types import Part

USERS = {
    "DATABASE_URL": "postgresql://user@db/mine",
    "DATABASE_READ_URL": "postgresql://user@replica/mine",
    "NEXUS_UPSTREAM_PROXY": "http://proxy:3128",
    "NEXUS_ALLOW_UPSTREAM": "internal",
    "NEXUS_UPSTREAM_URL": "https://real.example",
    "DASHBOARD_API_KEY": "mine",
    "GEMINI_API_KEY": "mine",
    "STORAGE_ENABLED": "false",
    "NEXUS_DRAIN_S": "60",
    "NEXUS_GATEWAY_HOST": "127.0.0.1",
    "NEXUS_DASHBOARD_HOST": "127.0.0.1",
    "NEXUS_GATEWAY_PORT": "0",
    "NEXUS_DASHBOARD_PORT": "0",
    "NEXUS_PG_BIN": "/opt/pg/bin",
    "DEBUG": "1",
    "PATH_OF_MINE": "kept",
}


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    for name, value in USERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "mine"))
    return load()


def environment(part: str, settings: Settings, root: Path, said: Mapping[str, Ready]) -> Mapping[str, str]:
    return stack.launch_of(part, said, settings, Home(root)).environment


def test_of_the_users_settings_only_places_programs_and_logging_stay(users: Settings, tmp_path: Path) -> None:
    settings = stack.demo_settings(users, tmp_path / "demo")
    defaults = Settings.model_construct()
    assert (settings.home, settings.storage_enabled, settings.drain_s) == (tmp_path / "demo", True, stack.DRAIN_S)
    for name in (
        "database_url",
        "database_read_url",
        "upstream_proxy",
        "allow_upstream",
        "dashboard_api_key",
        "ca_file",
    ):
        assert getattr(settings, name) == getattr(defaults, name)
    assert (settings.gateway_host, settings.dashboard_host) == (("127.0.0.1",), ("127.0.0.1",))
    assert (settings.pg_bin, settings.debug) == (Path("/opt/pg/bin"), True)


def test_a_part_is_told_only_what_the_demo_wants(users: Settings, tmp_path: Path) -> None:
    settings = stack.demo_settings(users, tmp_path).model_copy(update={"upstream_url": "http://127.0.0.1:9"})
    told = environment(plan.GATEWAY, settings, tmp_path, {})
    assert told["NEXUS_UPSTREAM_URL"] == "http://127.0.0.1:9"
    assert told["NEXUS_HOME"] == str(tmp_path)
    assert told["NEXUS_GATEWAY_PORT"] == str(settings.gateway_port)
    assert told["NEXUS_GATEWAY_HOST"] == "127.0.0.1"
    assert (told["NEXUS_PG_BIN"], told["DEBUG"], told["PATH_OF_MINE"]) == ("/opt/pg/bin", "1", "kept")
    users_own = {"DATABASE_URL", "DATABASE_READ_URL", "NEXUS_UPSTREAM_PROXY", "DASHBOARD_API_KEY", "STORAGE_ENABLED"}
    assert not told.keys() & users_own


def test_the_embedded_database_is_handed_on(users: Settings, tmp_path: Path) -> None:
    settings = stack.demo_settings(users, tmp_path)
    said = {plan.POSTGRES: Ready(database_url="postgresql:///demo")}
    assert environment(plan.SHIPPER, settings, tmp_path, said)["DATABASE_URL"] == "postgresql:///demo"


def test_what_else_the_plan_tells_a_part_is_handed_on(
    users: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ``nexus up`` may come to say to its parts, also where the user has said something else."""
    say = plan.launch_of

    def more(*words: Any) -> Launch:
        launch = say(*words)
        return replace(launch, environment={**launch.environment, "GEMINI_API_KEY": "the plan's"})

    monkeypatch.setattr(plan, "launch_of", more)
    told = environment(plan.GATEWAY, stack.demo_settings(users, tmp_path), tmp_path, {})
    assert told["GEMINI_API_KEY"] == "the plan's"


def test_the_parts_read_what_they_are_told(users: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part makes its settings of its environment: they must come out as the demo's."""
    settings = stack.demo_settings(users, tmp_path).model_copy(update={"upstream_url": "http://127.0.0.1:9"})
    told = environment(plan.GATEWAY, settings, tmp_path, {})
    for row in table(Settings):
        monkeypatch.delenv(row.variable, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert load().model_dump() == settings.model_dump()


def test_without_debug_and_programs_nothing_is_said_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in table(Settings):
        monkeypatch.delenv(row.variable, raising=False)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    told = environment(plan.GATEWAY, stack.demo_settings(load(), tmp_path), tmp_path, {})
    assert not told.keys() & {"DEBUG", "NEXUS_PG_BIN", "DATABASE_URL"}


def test_a_port_that_is_taken_is_replaced(users: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        found = stack.demo_settings(users.model_copy(update={"gateway_port": taken}), tmp_path)
    assert found.gateway_port not in {taken, 0}
    assert found.dashboard_port != 0


def test_a_port_that_is_free_is_taken(users: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    found = stack.demo_settings(users.model_copy(update={"gateway_port": free}), tmp_path)
    assert found.gateway_port == free


def test_the_supervisor_runs_the_parts_of_nexus_up(
    users: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[tuple[Part, ...]] = []

    class Watched:
        def __init__(self, home: Home, parts: tuple[Part, ...], **_: object) -> None:
            plans.append(parts)

    monkeypatch.setattr(stack, "Supervisor", Watched)
    settings = stack.demo_settings(users, tmp_path)
    stack.supervisor(settings, Home(tmp_path), on_ready=lambda _: None, console=Console(lambda: 0.0))
    assert {part.name for part in plans[0]} == {
        plan.POSTGRES, plan.GATEWAY, plan.MIGRATE, plan.SHIPPER, plan.PROJECTOR, plan.DASHBOARD,
    }  # fmt: skip
