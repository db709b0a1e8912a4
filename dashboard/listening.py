"""Where do browsers find the front? Opens its listening sockets, or says why it cannot."""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack

from domain.errors import SetupError

_BACKLOG = 256
_TRIES = 20
"""For a port that is to be free on all addresses."""
_NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Listening sockets on one port of every address; 0: any that is free on all. Raises SetupError.

    An IPv6 address is left out where the machine has no IPv6 and another address is left.
    """
    for left in reversed(range(1 if port else _TRIES)):
        try:
            return _listen_on_all(hosts, port)
        except OSError as error:
            if not left or error.errno != errno.EADDRINUSE:
                raise SetupError(_why_not(error, hosts, port)) from error
    raise AssertionError("the last try returns or raises")


def _listen_on_all(hosts: Sequence[str], port: int) -> list[socket.socket]:
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for host in hosts:
            sock = _listen_on(host, port, optional=len(hosts) > 1)
            if sock is not None:
                sockets.append(opened.enter_context(sock))
                port = port or sock.getsockname()[1]
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, "there is no such address on this machine")
        opened.pop_all()
        return sockets


def _listen_on(host: str, port: int, *, optional: bool) -> socket.socket | None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    may_be_missing = optional and family == socket.AF_INET6
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if may_be_missing and error.errno in _NO_IPV6:
            return None
        raise
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if may_be_missing and error.errno in _NO_IPV6:
            return None
        raise
    return sock


def _why_not(error: OSError, hosts: Sequence[str], port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Stop it, or set NEXUS_DASHBOARD_PORT to a free port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Set NEXUS_DASHBOARD_PORT to a port above 1023."
    why = error.strerror or error
    return f"Nobody can listen on {', '.join(hosts)} ({why}). Set NEXUS_DASHBOARD_HOST to addresses of this machine."
