"""How is a request taken in, and when is it turned away? Head rules, and the body within its limits.

What is turned away here never becomes an exchange: it is answered in Anthropic's envelope and counted.
"""

import asyncio
import re
from dataclasses import dataclass

from aiohttp import StreamReader
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.web import RequestPayloadError

from domain.errors import NexusError
from gateway.headers import HeaderLines, HeaderMap
from gateway.metrics import Reason

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NEVER_FORWARDED = {"CONNECT", "TRACE"}
_HOST = re.compile(rb"(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{0,5}))?")
_LAST_PORT = 65535


class RejectedError(NexusError):
    """The request is turned away."""

    def __init__(self, status: int, reason: Reason, message: str, lines: HeaderLines = ()) -> None:
        """``lines``: further header lines of the answer."""
        super().__init__(message)
        self.status, self.reason, self.message, self.lines = status, reason, message, lines


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large and how slow a body may be."""

    size: int
    idle_s: float
    total_s: float

    def too_large(self) -> RejectedError:
        message = f"The request body is larger than the limit of {self.size} bytes."
        return RejectedError(413, "too_large", message)


def check_head(method: str, target: bytes, version: HttpVersion, lines: HeaderLines) -> None:
    """Turn away what could mean one thing here and another upstream. Raises RejectedError."""
    if method in _NEVER_FORWARDED:
        raise _malformed(f"The method {method} is not forwarded.")
    if not target.startswith(b"/"):
        raise _malformed("The request target must be a path: use Nexus as a base URL, not as a proxy.")
    if version not in {HttpVersion10, HttpVersion11}:
        raise _malformed("Use HTTP/1.1 or HTTP/1.0.")
    told = _checked_values(lines)
    _check_codings(told[b"transfer-encoding"], version)
    _check_hosts(told[b"host"], version)
    if b"cross-site" in told[b"sec-fetch-site"]:  # Fetch Metadata: browsers tell, pages cannot hide it
        raise RejectedError(403, "cross_site", "Nexus takes no requests that a web page of another site has caused.")


def _checked_values(lines: HeaderLines) -> dict[bytes, list[bytes]]:
    """All values, in lower case, of the lines that decide."""
    told: dict[bytes, list[bytes]] = {b"transfer-encoding": [], b"host": [], b"sec-fetch-site": []}
    for name, value in lines:
        values = told.get(name.lower())
        if values is not None:
            values.append(value.lower())
    return told


def _check_codings(codings: list[bytes], version: HttpVersion) -> None:
    if codings and (version == HttpVersion10 or codings != [b"chunked"]):
        raise _malformed("The only transfer coding is chunked.")


def _check_hosts(hosts: list[bytes], version: HttpVersion) -> None:
    """One, and it names a host: RFC 9112 §3.2."""
    if not hosts and version == HttpVersion10:
        return
    if len(hosts) != 1:
        raise _malformed("A request has exactly one Host line.")
    host = _HOST.fullmatch(hosts[0])
    if host is None or int(host["port"] or b"0") > _LAST_PORT:
        raise _malformed("The Host line must name a host, with or without a port.")


def _malformed(message: str) -> RejectedError:
    return RejectedError(400, "malformed", message)


def awaits_continue(told: HeaderMap, version: HttpVersion) -> bool:
    """Does the client hold its body back until it is asked for it?"""
    return version == HttpVersion11 and told.get(b"expect", b"").lower() == b"100-continue"


def check_length(told: HeaderMap, limits: BodyLimits) -> None:
    """Turn away at once what announces too much. Raises RejectedError."""
    if int(told.get(b"content-length", b"0")) > limits.size:
        raise limits.too_large()


async def read_body(content: StreamReader, limits: BodyLimits) -> bytes | bytearray:
    """The whole body. Raises RejectedError."""
    try:
        body = content.read_nowait() if content.is_eof() else await _read_within(content, limits)
    except TimeoutError:
        raise RejectedError(408, "slow_body", "The request body came too slowly.") from None
    except RequestPayloadError:
        raise _malformed("The request body is not framed as HTTP wants it.") from None
    except ConnectionError:
        raise RejectedError(400, "client_gone", "The client went away.") from None
    if len(body) > limits.size:
        raise limits.too_large()
    return body


async def _read_within(content: StreamReader, limits: BodyLimits) -> bytearray:
    """It grows piece by piece: to join a large one at its end would hold up everybody else."""
    clock = asyncio.get_running_loop().time
    end, body = clock() + limits.total_s, bytearray()
    async with asyncio.timeout_at(min(end, clock() + limits.idle_s)) as deadline:
        while data := await content.readany():
            body += data
            if len(body) > limits.size:
                raise limits.too_large()
            deadline.reschedule(min(end, clock() + limits.idle_s))
    return body
