"""Every setting of a service reaches its config."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from dashboard.config import refuse_insecure
from domain.errors import SetupError
from gateway.config import GatewayConfig
from ops.configs import Context, dashboard_config, gateway_config, pages_config, shipper_config
from ops.home import Home, prepare
from ops.keys import dashboard_key, fingerprint_key
from ops.settings import Settings, load


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def settings(**given: object) -> Settings:
    return Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()} | given)


def test_the_gateway_gets_the_defaults_of_the_settings(home: Home) -> None:
    config = gateway_config(settings(), home)
    assert config == GatewayConfig(
        journal_root=home.journals,
        fingerprint_key=fingerprint_key(home),
        limits_dir=home.limits,
        metrics_dir=home.metrics,
    )


def test_the_gateway_gets_what_was_set(home: Home) -> None:
    config = gateway_config(
        settings(
            gateway_host=("0.0.0.0",),
            gateway_port=8080,
            upstream_url="https://other.example",
            upstream_proxy=SecretStr("http://u:p@proxy.example"),
            allow_upstream=("other.example", "10.0.0.1"),
            storage_enabled=False,
            mode="managed",
            drain_s=3.0,
        ),
        home,
    )
    assert (config.hosts, config.port) == (("0.0.0.0",), 8080)
    assert config.upstream_url == "https://other.example"
    assert config.upstream_proxy == "http://u:p@proxy.example"
    assert config.allow_upstream == {"other.example", "10.0.0.1"}
    assert not config.storage_enabled
    assert config.mode == "managed"
    assert config.drain_s == 3.0


def test_a_gateway_worker_may_be_handed_its_sockets(home: Home) -> None:
    assert gateway_config(settings(), home).sockets == Context(settings(), home).sockets == ()
    assert gateway_config(settings(), home, (5, 6)).sockets == (5, 6)


def test_gateway_and_shipper_meet_in_the_same_folder(home: Home) -> None:
    config = shipper_config(settings(keep_journals_h=2.0), home)
    assert config.journal_root == gateway_config(settings(), home).journal_root == home.journals
    assert config.keep_s == 7200
    assert shipper_config(settings(), home).keep_s == 0


def test_a_part_without_a_database_is_given_none(home: Home) -> None:
    assert Context(settings(), home).database_url == ""


@pytest.mark.bar(66)
def test_the_dashboard_opens_with_the_key_that_was_set_or_that_of_the_home(home: Home) -> None:
    assert dashboard_config(settings(), home).api_key == dashboard_key(home)
    assert dashboard_config(settings(dashboard_api_key=SecretStr("mine")), home).api_key == "mine"
    unlocked = dashboard_config(settings(dashboard_api_key=SecretStr("")), home)  # set, but to nothing
    assert unlocked.api_key == dashboard_key(home)


NO_KEY, SHORT, LONG = (None, "", "    ", " " * 40), "k" * 15, f"  {'k' * 16} "
ONLY_US = (None, "", "127.0.0.1", "::1", "localhost", "127.0.0.1, ::1", "127.3.2.1")
OTHERS = ("0.0.0.0", "::", "192.168.1.4", "nexus.lan", "127.0.0.1,0.0.0.0", "127.0.0.1 ::", "localhost,10.0.0.1")


def started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str | None, key: str | None) -> str:
    """The key that the dashboard then wants. Raises SetupError."""
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    for variable, value in (("NEXUS_DASHBOARD_HOST", host), ("DASHBOARD_API_KEY", key)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    config = dashboard_config(load(), prepare(tmp_path))
    refuse_insecure(config)
    return config.api_key


@pytest.mark.bar(66)
@pytest.mark.parametrize("host", [*ONLY_US, *OTHERS])
def test_every_address_with_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str | None) -> None:
    """From the environment to the start: nowhere is nobody asked for a key, and others are asked for a long one."""
    for unset in NO_KEY:
        made = started_with(tmp_path, monkeypatch, host, unset)
        assert len(made) >= 40
        assert made == dashboard_key(prepare(tmp_path))
    assert started_with(tmp_path, monkeypatch, host, LONG) == "k" * 16
    if host in OTHERS:
        with pytest.raises(SetupError, match="fewer than 16 characters and others can reach"):
            started_with(tmp_path, monkeypatch, host, SHORT)
    else:
        assert started_with(tmp_path, monkeypatch, host, SHORT) == SHORT


@pytest.mark.bar(66)
@pytest.mark.parametrize("host", [",", " , "])
def test_no_address_at_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(SetupError, match="NEXUS_DASHBOARD_HOST"):
        started_with(tmp_path, monkeypatch, host, LONG)


def test_the_dashboard_gets_what_was_set(home: Home) -> None:
    given = settings(dashboard_host=("0.0.0.0",), dashboard_port=8081, dashboard_url=("https://nexus.example",))
    given = given.model_copy(update={"dashboard_memory_mb": 700})
    config = dashboard_config(given, home)
    assert (config.hosts, config.port) == (("0.0.0.0",), 8081)
    assert config.public_urls == ("https://nexus.example",)
    assert config.memory_bytes == 700_000_000
    assert config.worker_socket.parent == home.run
    assert list(config.worker_command[-2:]) == ["panel", "--supervised"]


def test_the_pages_show_a_newcomer_the_gateways_address() -> None:
    config = pages_config(settings(gateway_port=4000), b"secret", wants_key=False)
    assert config.connect_lines[0] == "export ANTHROPIC_BASE_URL=http://127.0.0.1:4000"
    assert config.token_secret == b"secret"
    assert not any("TOKEN" in line for line in config.connect_lines)


def test_in_managed_mode_the_pages_say_that_a_key_is_needed() -> None:
    lines = pages_config(settings(gateway_port=4000), b"secret", wants_key=True).connect_lines
    assert any(line.startswith("export ANTHROPIC_AUTH_TOKEN=") and "nexus keys create" in line for line in lines)


def test_a_gateway_worker_publishes_under_its_own_name(home: Home) -> None:
    assert gateway_config(settings(), home).part == "gateway"
    assert gateway_config(settings(), home, (), "gateway-2").part == "gateway-2"
