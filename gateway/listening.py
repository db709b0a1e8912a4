"""Where do clients find the gateway? Opens the listening sockets, or says why it cannot."""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from domain.errors import SetupError

_BACKLOG = 1024
_ANY_PORT_TRIES = 20
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


def listen(hosts: Sequence[str], port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets on ``port`` of each address. Raises SetupError.

    IPv6 addresses are left out where the machine has no IPv6. ``port`` 0: any that is free on all of them.
    """
    tries = 1 if port else _ANY_PORT_TRIES
    for left in reversed(range(tries)):
        try:
            return _listen_all(hosts, port, reuse_port=reuse_port)
        except OSError as error:
            if not left or error.errno != errno.EADDRINUSE:
                raise _refused(error, hosts, port) from error
    raise AssertionError("the last try returns or raises")


def _listen_all(hosts: Sequence[str], port: int, *, reuse_port: bool) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            sock = _listen_one(host, port, reuse_port=reuse_port)
            if sock is not None:
                sockets.append(sock)
                port = port or sock.getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise OSError(errno.EADDRNOTAVAIL, "no such address on this machine")
    return sockets


def _listen_one(host: str, port: int, *, reuse_port: bool) -> socket.socket | None:
    """None: this machine has no IPv6."""
    family = _family(host)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if family == socket.AF_INET6 and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)  # noqa: FBT003  # the socket module's own signature
    except OSError as error:
        sock.close()
        if family == socket.AF_INET6 and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise
    return sock


def _family(host: str) -> socket.AddressFamily:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise SetupError(f"{host} is no address to listen on; give an IP address such as 127.0.0.1.") from None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _refused(error: OSError, hosts: Sequence[str], port: int) -> SetupError:
    if error.errno == errno.EADDRINUSE:
        mend = "choose another with NEXUS_GATEWAY_PORT or stop the other program"
        return SetupError(f"Port {port} is in use; {mend}.")
    if error.errno == errno.EACCES:
        return SetupError(f"Port {port} may not be opened by this user; choose one above 1023 with NEXUS_GATEWAY_PORT.")
    return SetupError(f"The gateway cannot listen on {', '.join(hosts)} port {port}: {error.strerror}.")
