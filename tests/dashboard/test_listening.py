"""Sockets on one port of every address, or one line that says why not."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from dashboard.listening import listen
from domain.errors import SetupError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has."""
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock.getsockname()[1]


def test_every_address_has_the_same_port() -> None:
    sockets = listen(["127.0.0.1", "::1"], 0)
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        for sock in sockets:
            with closing(socket.create_connection(sock.getsockname()[:2], timeout=5)):
                pass
    finally:
        for sock in sockets:
            sock.close()


def test_a_taken_port_is_said_with_its_mend(taken: int) -> None:
    with pytest.raises(SetupError, match=f"Port {taken} is taken.*NEXUS_DASHBOARD_PORT"):
        listen(["127.0.0.1"], taken)


def test_nothing_stays_open_when_one_address_cannot_be_had(taken: int) -> None:
    before = socket.socket.close
    closed: list[object] = []

    class Counted(socket.socket):
        def close(self) -> None:
            closed.append(self)
            before(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.socket", Counted)
        with pytest.raises(SetupError):
            listen(["127.0.0.2", "127.0.0.1"], taken)
    assert len(closed) == 2


def test_an_address_of_another_machine_is_said_with_its_mend() -> None:
    with pytest.raises(SetupError, match="NEXUS_DASHBOARD_HOST"):
        listen(["192.0.2.1"], 0)


def test_a_name_that_is_none_is_said_with_its_mend() -> None:
    with pytest.raises(SetupError, match="NEXUS_DASHBOARD_HOST"):
        listen(["no.such.name.invalid"], 0)


def test_a_port_for_the_mighty_is_said_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(socket.socket):
        def bind(self, _: object) -> None:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("socket.socket", Refused)
    with pytest.raises(SetupError, match="above 1023"):
        listen(["127.0.0.1"], 80)


@pytest.mark.parametrize("where", ["socket", "bind"])
def test_a_machine_without_ipv6_listens_on_the_rest(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    class NoIpv6(socket.socket):
        def __init__(self, family: int = -1, *rest: int) -> None:
            if family == socket.AF_INET6 and where == "socket":
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported")
            super().__init__(family, *rest)

        def bind(self, address: object) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
            super().bind(address)  # type: ignore[arg-type]  # what was handed in

    monkeypatch.setattr("socket.socket", NoIpv6)
    (sock,) = listen(["127.0.0.1", "::1"], 0)
    sock.close()
    for hosts in (["::1"], ["::1", "::1"]):
        with pytest.raises(SetupError, match="NEXUS_DASHBOARD_HOST"):
            listen(hosts, 0)


def test_a_port_that_one_address_lacks_is_tried_again_when_any_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([True, True, False, False, False])

    class Crowded(socket.socket):
        def bind(self, address: object) -> None:
            if self.family == socket.AF_INET6 and next(refusals):
                raise OSError(errno.EADDRINUSE, "Address already in use")
            super().bind(address)  # type: ignore[arg-type]  # what was handed in

    monkeypatch.setattr("socket.socket", Crowded)
    sockets = listen(["127.0.0.1", "::1"], 0)
    assert len(sockets) == 2
    for sock in sockets:
        sock.close()
