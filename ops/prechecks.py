"""Can it be started at all? Looked at before anything runs, so that the answer is one line."""

import errno
import socket
from collections.abc import Sequence

from domain.errors import SetupError

_OPTIONAL_HOST = "::1"
"""A machine may have no IPv6; nobody has to change a setting for that."""


def check_can_listen(hosts: Sequence[str], port: int, variable: str) -> None:
    """Raises SetupError if nobody could listen there now. ``variable``: how the settings begin, ``NEXUS_GATEWAY``."""
    for host in hosts:
        try:
            _probe(host, port).close()
        except OSError as error:
            if host == _OPTIONAL_HOST and error.errno != errno.EADDRINUSE and len(hosts) > 1:
                continue
            raise SetupError(_why_not(error, host, port, variable)) from None


def free_port(host: str, variable: str) -> int:
    """A port that is free now, for port 0: a part that is restarted must come back on the port it had."""
    try:
        with _probe(host, 0) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise SetupError(_why_not(error, host, 0, variable)) from None


def _probe(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    probe = socket.socket(family, kind, protocol)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)
        probe.listen(1)
    except OSError:
        probe.close()
        raise
    return probe


def _why_not(error: OSError, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop it, or set {variable}_PORT to a free port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Set {variable}_PORT to a port above 1023."
    why = error.strerror or error
    return f"Nobody can listen on {host} ({why}). Set {variable}_HOST to an address of this machine."
