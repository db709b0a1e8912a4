"""The plan: who comes and goes when, and how each part is started."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from ops import plan
from ops.home import Home
from ops.reports import Ready
from ops.settings import Settings
from ops.supervision_types import Part

HOME = Home(Path("/home/me/.nexus"))


def settings(**given: object) -> Settings:
    return Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()} | given)


def parts(given: Settings) -> dict[str, Part]:
    return {part.name: part for part in plan.parts_of(given)}


def test_the_gateway_needs_nobody_and_everybody_else_waits_for_the_schema() -> None:
    found = parts(settings())
    assert list(found) == ["gateway", "postgres", "migrate", "shipper", "projector", "dashboard"]
    assert found["gateway"].after == found["postgres"].after == frozenset()
    assert found["migrate"].after == {"postgres"}
    assert all(found[name].after == {"migrate"} for name in ("shipper", "projector", "dashboard"))
    assert [name for name, part in found.items() if part.runs_once] == ["migrate"]


def test_they_go_in_the_order_of_the_data() -> None:
    found = parts(settings())
    gone: set[str] = set()
    for name in ("gateway", "shipper", "projector", "dashboard", "postgres"):
        assert found[name].outlives - {"migrate"} == gone
        gone.add(name)


def test_every_part_that_is_named_is_in_the_plan() -> None:
    for given in (settings(), settings(database_url=SecretStr("postgresql://h")), settings(storage_enabled=False)):
        found = parts(given)
        assert all(part.after <= set(found) for part in found.values())


def test_with_a_database_url_there_is_no_embedded_database() -> None:
    found = parts(settings(database_url=SecretStr("postgresql://h")))
    assert "postgres" not in found
    assert found["migrate"].after == frozenset()


def test_without_storage_there_is_the_gateway_only() -> None:
    assert list(parts(settings(storage_enabled=False))) == ["gateway"]


@pytest.mark.parametrize("storage", [True, False])
def test_several_gateway_workers_come_and_go_together_and_only_they_roll(storage: bool) -> None:
    found = parts(settings(gateway_workers=3, storage_enabled=storage))
    names = ["gateway", "gateway-2", "gateway-3"]
    assert list(found)[:3] == [name for name, part in found.items() if part.rolls] == names
    assert [name for name in found if plan.is_gateway(name)] == names
    assert {part.outlives for name, part in found.items() if name in names} == {frozenset()}
    if storage:
        assert all(found[name].outlives >= set(names) for name in ("postgres", "shipper", "projector", "dashboard"))


def test_gateway_workers_share_the_sockets_and_nobody_else_gets_them() -> None:
    for name, told in (("gateway", []), ("gateway-2", ["--name=gateway-2"])):
        launch = plan.launch_of(name, {}, settings(gateway_workers=2), HOME, [5, 6])
        assert list(launch.argv)[3:] == ["ops.cli", "gateway", "--supervised", *told, "--socket=5", "--socket=6"]
        assert launch.descriptors == (5, 6)
        assert launch.log_file == HOME.logs / f"{name}.log"
    launch = plan.launch_of("shipper", {}, settings(), HOME, [5, 6])
    assert (list(launch.argv)[3:], launch.descriptors) == (["ops.cli", "shipper", "--supervised"], ())


def test_the_gateway_may_take_a_little_longer_than_it_gives_itself() -> None:
    assert plan.drain_s_of("gateway", settings(drain_s=40.0)) == 45.0
    assert plan.drain_s_of("shipper", settings()) == 15.0


def test_a_part_is_this_nexus_and_imports_nothing_from_where_the_user_stands() -> None:
    launch = plan.launch_of("gateway", {}, settings(gateway_port=41, dashboard_port=42), HOME)
    assert list(launch.argv) == [sys.executable, "-P", "-m", "ops.cli", "gateway", "--supervised"]
    assert launch.log_file == HOME.logs / "gateway.log"
    assert launch.environment["NEXUS_HOME"] == "/home/me/.nexus"
    assert launch.environment["NEXUS_GATEWAY_PORT"] == "41"
    assert launch.environment["NEXUS_DASHBOARD_PORT"] == "42"
    assert launch.sweeps


def test_who_comes_after_the_embedded_database_is_told_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    said = {"postgres": Ready(database_url="postgresql://nexus@/nexus?host=/run")}
    launch = plan.launch_of("shipper", said, settings(), HOME)
    assert launch.environment["DATABASE_URL"] == "postgresql://nexus@/nexus?host=/run"
    assert "DATABASE_URL" not in plan.launch_of("gateway", {}, settings(), HOME).environment


def test_certificates_named_in_a_file_reach_the_tls_library_too() -> None:
    launch = plan.launch_of("gateway", {}, settings(ca_file=Path("/ca.pem")), HOME)
    assert launch.environment["SSL_CERT_FILE"] == "/ca.pem"


def test_a_database_server_is_not_swept_away_with_its_launcher() -> None:
    assert not plan.launch_of("postgres", {}, settings(), HOME).sweeps
