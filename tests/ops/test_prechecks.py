"""What is looked at before anything runs."""

import errno
import socket
from collections.abc import Iterator

import pytest

from domain.errors import SetupError
from ops import prechecks
from ops.prechecks import check_can_listen, free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_passes_and_stays_free() -> None:
    port = free_port("127.0.0.1", "NEXUS_GATEWAY")
    assert port > 0
    check_can_listen(("127.0.0.1",), port, "NEXUS_GATEWAY")
    socket.create_server(("127.0.0.1", port)).close()


def test_a_busy_port_is_one_line_that_names_the_variable(taken: int) -> None:
    with pytest.raises(SetupError) as caught:
        check_can_listen(("127.0.0.1",), taken, "NEXUS_DASHBOARD")
    assert str(caught.value) == (
        f"Port {taken} on 127.0.0.1 is taken by another program. Stop it, or set NEXUS_DASHBOARD_PORT to a free port."
    )


def test_an_address_of_somebody_else_is_one_line_that_names_the_variable() -> None:
    with pytest.raises(SetupError, match=r"Nobody can listen on 192\.0\.2\.1 .*Set NEXUS_GATEWAY_HOST"):
        check_can_listen(("192.0.2.1",), 0, "NEXUS_GATEWAY")
    with pytest.raises(SetupError, match=r"Nobody can listen on 192\.0\.2\.1"):
        free_port("192.0.2.1", "NEXUS_GATEWAY")


def refusing(host: str, number: int) -> object:
    real = prechecks._probe

    def probe(asked: str, port: int) -> socket.socket:
        if asked == host:
            raise OSError(number, "refused")
        return real(asked, port)

    return probe


def test_a_port_of_the_system_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prechecks, "_probe", refusing("127.0.0.1", errno.EACCES))
    with pytest.raises(SetupError, match=r"may not listen on port 80\. Set NEXUS_GATEWAY_PORT to a port above 1023"):
        check_can_listen(("127.0.0.1",), 80, "NEXUS_GATEWAY")


def test_a_machine_without_ipv6_is_no_reason_to_stop_unless_it_was_all_that_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prechecks, "_probe", refusing("::1", errno.EADDRNOTAVAIL))
    check_can_listen(("127.0.0.1", "::1"), 0, "NEXUS_GATEWAY")
    with pytest.raises(SetupError, match="Nobody can listen on ::1"):
        check_can_listen(("::1",), 0, "NEXUS_GATEWAY")


def test_a_port_that_is_busy_on_ipv6_only_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prechecks, "_probe", refusing("::1", errno.EADDRINUSE))
    with pytest.raises(SetupError, match="Port 1234 on ::1 is taken"):
        check_can_listen(("127.0.0.1", "::1"), 1234, "NEXUS_GATEWAY")
