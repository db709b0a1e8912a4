"""How does Nexus itself ask another server? One request, one small answer, within a deadline.

The way is that of the upstream: the same proxy, the same certificates, TLS or this machine. No redirect is followed, no
cookie kept, nothing of a body logged; what fails is told in fixed words.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from yarl import URL

from domain.errors import NexusError, SetupError

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 64 * 1024


class UnreachableError(NexusError):
    """The server gave no answer."""


@dataclass(frozen=True, slots=True)
class Way:
    """How servers are reached."""

    proxy: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """None: the default certificates, which honour SSL_CERT_FILE."""
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = None


async def ask(way: Way, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
    """Raises UnreachableError."""
    timeout = aiohttp.ClientTimeout(total=way.timeout_s)
    try:
        connector = aiohttp.TCPConnector(ssl=_context(way.ca_file))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False, proxy=way.proxy
            ) as response,
        ):
            content = await _at_most(response.content, MAX_ANSWER_BYTES)
            return Reply(response.status, content, response.headers.get("retry-after"))
    except TimeoutError:
        raise UnreachableError(f"it did not answer within {way.timeout_s:g} s") from None
    except aiohttp.ClientSSLError:
        raise UnreachableError("its TLS certificate is not trusted (SSL_CERT_FILE)") from None
    except aiohttp.ClientConnectorDNSError:
        raise UnreachableError("its name is not resolved") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise UnreachableError("the connection failed") from None


async def _at_most(content: aiohttp.StreamReader, size: int) -> bytes:
    """What is longer is no answer to anything that Nexus asks."""
    data = bytearray()
    async for piece in content.iter_any():
        data += piece
        if len(data) > size:
            raise UnreachableError("its answer is too large")
    return bytes(data)


def _context(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError):
        raise SetupError("SSL_CERT_FILE holds no certificates; name a PEM file.") from None
