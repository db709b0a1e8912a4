"""Both loopback addresses on one port, or one line that says why not."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain.errors import SetupError
from gateway import listening
from gateway.listening import adopt, listen
from tests.faulty_disk import fault

LOOPBACK = ("127.0.0.1", "::1")


@contextmanager
def open_sockets(*hosts: str, port: int = 0) -> Iterator[list[socket.socket]]:
    sockets = listen(hosts, port)
    try:
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def connects(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as client:
        return client.connect_ex((host, port)) == 0


def test_all_addresses_listen_on_the_same_free_port() -> None:
    with open_sockets(*LOOPBACK) as sockets:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert [sock.getsockname()[0] for sock in sockets] == list(LOOPBACK)
        assert len(ports) == 1
        assert all(connects(host, ports.copy().pop()) for host in LOOPBACK)
        assert not any(sock.getblocking() for sock in sockets)


def test_an_ipv6_address_does_not_take_the_ipv4_one_too() -> None:
    with open_sockets("::") as (sock,):
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_busy_port_is_said_in_one_line_with_a_mend(host: str) -> None:
    with open_sockets(host) as (busy,):
        port = busy.getsockname()[1]
        with pytest.raises(SetupError) as refused:
            listen(LOOPBACK, port)
        assert str(refused.value) == (
            f"Port {port} is in use; choose another with NEXUS_GATEWAY_PORT or stop the other program."
        )
        other = "::1" if host == "127.0.0.1" else "127.0.0.1"
        assert not connects(other, port), "what was opened on the way is closed"


def test_workers_may_share_a_socket() -> None:
    with open_sockets("127.0.0.1") as (first,):
        (second,) = adopt([os.dup(first.fileno())])
        with closing(second):
            assert second.getsockname() == first.getsockname()
            assert not second.getblocking()
            assert not second.get_inheritable()
            first.close()
            assert connects(*second.getsockname()), "it listens as long as one of them is open"


def test_what_is_no_listening_socket_is_said_and_left_open(tmp_path: Path) -> None:
    with closing(socket.socket()) as idle, closing(socket.socket(socket.AF_UNIX)) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        for sock in (idle, local):
            with pytest.raises(SetupError, match=f"Descriptor {sock.fileno()} is no listening TCP socket"):
                adopt([sock.fileno()])
            os.fstat(sock.fileno())
        free = os.dup(idle.fileno())
        os.close(free)
        with pytest.raises(SetupError, match=f"Descriptor {free} is no"):
            adopt([free])


def test_a_port_of_the_administrator_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault(errno.EACCES)

    monkeypatch.setattr(listening, "_listen_one", refuse)
    with pytest.raises(SetupError, match="above 1023"):
        listen(LOOPBACK, 80)


def test_an_address_of_another_machine_is_explained() -> None:
    with pytest.raises(SetupError, match=r"cannot listen on 192\.0\.2\.1 port 9: Cannot assign"):
        listen(("192.0.2.1",), 9)


@pytest.mark.parametrize("host", ["localhost", "", "*", "127.0.0.1:80"])
def test_a_name_is_no_address(host: str) -> None:
    with pytest.raises(SetupError, match="no address to listen on"):
        listen((host,), 0)


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = socket.socket

    class NoIpv6(socket.socket):
        def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            if family == socket.AF_INET6 and number == errno.EAFNOSUPPORT:
                raise fault(number)
            super().__init__(family, kind, proto, fileno)

        def bind(self, address: object) -> None:
            if self.family == socket.AF_INET6:
                raise fault(number)
            super().bind(address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", NoIpv6)
    try:
        with open_sockets(*LOOPBACK) as sockets:
            assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]
        with pytest.raises(SetupError, match="no such address"):
            listen(("::1",), 0)
    finally:
        monkeypatch.setattr(socket, "socket", real)


def test_a_free_port_that_is_taken_on_the_other_address_is_not_the_last_try(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [fault(errno.EADDRINUSE), fault(errno.EADDRINUSE)]
    real = listening._listen_one

    def flaky(host: str, port: int) -> socket.socket | None:
        if host == "::1" and refusals:
            raise refusals.pop()
        return real(host, port)

    monkeypatch.setattr(listening, "_listen_one", flaky)
    with open_sockets(*LOOPBACK) as sockets:
        assert len(sockets) == 2
    assert not refusals
