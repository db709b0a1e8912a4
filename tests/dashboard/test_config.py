"""An insecure start is refused, and the message says how to mend it."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from dashboard.config import MIN_KEY_CHARS, DashboardConfig, is_loopback, refuse_insecure
from domain.errors import SetupError

LONG, SHORT = "k" * MIN_KEY_CHARS, "k" * (MIN_KEY_CHARS - 1)
CONFIG = DashboardConfig(api_key=LONG, worker_socket=Path("/tmp/panel.sock"))


@pytest.mark.parametrize("hosts", [("127.0.0.1",), ("::1",), ("127.0.0.1", "::1"), ("127.8.9.1",), ("localhost",)])
@pytest.mark.parametrize("key", [LONG, SHORT, ""])
@pytest.mark.bar(66)
def test_this_machine_may_have_any_key(hosts: tuple[str, ...], key: str) -> None:
    refuse_insecure(replace(CONFIG, hosts=hosts, api_key=key))


@pytest.mark.parametrize("hosts", [("0.0.0.0",), ("::",), ("192.168.1.4",), ("127.0.0.1", "10.0.0.1"), ("nexus.lan",)])
@pytest.mark.bar(66)
def test_others_need_a_long_key(hosts: tuple[str, ...]) -> None:
    refuse_insecure(replace(CONFIG, hosts=hosts))
    for key in (SHORT, ""):
        with pytest.raises(SetupError, match="DASHBOARD_API_KEY") as caught:
            refuse_insecure(replace(CONFIG, hosts=hosts, api_key=key))
        message = str(caught.value)
        assert hosts[-1] in message
        assert "NEXUS_DASHBOARD_HOST" in message
        assert ("without a key" in message) == (not key)
        assert "\n" not in message


def test_a_path_that_no_socket_can_have_is_refused() -> None:
    refuse_insecure(replace(CONFIG, worker_socket=Path("/" + "x" * 102)))
    with pytest.raises(SetupError, match="NEXUS_HOME"):
        refuse_insecure(replace(CONFIG, worker_socket=Path("/" + "x" * 103)))
    with pytest.raises(SetupError, match="NEXUS_HOME"):
        refuse_insecure(replace(CONFIG, worker_socket=Path("/" + "ü" * 60)))


def test_the_key_is_never_printed() -> None:
    assert LONG not in repr(CONFIG)


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("a.example", False)]
)
def test_what_only_this_machine_reaches(host: str, own: bool) -> None:
    assert is_loopback(host) is own


@pytest.mark.bar(66)
def test_the_defaults_listen_on_this_machine_only() -> None:
    defaults = {field.name: field.default for field in fields(DashboardConfig)}
    assert defaults["port"] == 3001
    assert defaults["hosts"] == ("127.0.0.1", "::1")
