"""Where do clients find the gateway? Opens the listening sockets or takes them over, or says why it cannot.

``nexus up`` opens them and its gateway workers inherit them. A connection that nobody has accepted yet then waits in
the kernel while workers come and go; with a socket for each worker it would be reset with the socket it waits at.
"""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from domain.errors import SetupError

BACKLOG = 4096
"""Clients that may knock while the loop is busy; the system caps it."""
_ANY_PORT_TRIES = 20
_INTERNET = {socket.AF_INET, socket.AF_INET6}
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Listening sockets on ``port`` of each address. Raises SetupError.

    IPv6 addresses are left out where the machine has no IPv6. ``port`` 0: any that is free on all of them.
    """
    tries = 1 if port else _ANY_PORT_TRIES
    for left in reversed(range(tries)):
        try:
            return _listen_all(hosts, port)
        except OSError as error:
            if not left or error.errno != errno.EADDRINUSE:
                raise _refused(error, hosts, port) from error
    raise AssertionError("the last try returns or raises")


def adopt(descriptors: Sequence[int]) -> list[socket.socket]:
    """Listening sockets that another process has opened and handed to us. Raises SetupError."""
    return [_adopt_one(descriptor) for descriptor in descriptors]


def _adopt_one(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        raise _not_handed(descriptor) from None
    if sock.family not in _INTERNET or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise _not_handed(descriptor)
    sock.setblocking(False)  # noqa: FBT003  # the socket module's own signature
    sock.set_inheritable(False)
    return sock


def _not_handed(descriptor: int) -> SetupError:
    return SetupError(f"Descriptor {descriptor} is no listening TCP socket; hand one over, or let Nexus open its own.")


def _listen_all(hosts: Sequence[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            sock = _listen_one(host, port)
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


def _listen_one(host: str, port: int) -> socket.socket | None:
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
        sock.bind((host, port))
        sock.listen(BACKLOG)
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
