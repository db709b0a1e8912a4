"""Where may requests go? The policy for the upstream's URL, pure.

The client never chooses the destination: one upstream is configured, and an unusual one must be allowed by name, so
that a slip in the settings does not send credentials to somebody else.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from domain.errors import SetupError

_PORTS = {"http": 80, "https": 443}
_PRIVATE_SUFFIXES = (
    ".local", ".localhost", ".localdomain", ".internal", ".intranet", ".private", ".lan", ".home.arpa", ".corp",
    ".home",
)  # fmt: skip
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


@dataclass(frozen=True, slots=True)
class Destination:
    """The one place requests go to."""

    scheme: str
    host: str
    """A name or an address, without brackets."""
    port: int
    prefix: str
    """Path before every request's own path; no slash at its end."""
    may_be_private: bool = False
    """It was allowed, or is the loopback: else its name must not lead to a private address when we sign requests."""

    @property
    def authority(self) -> str:
        """Host with port where it is not the scheme's own, as a Host line says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def destination(url: str, allowed: Collection[str] = ()) -> Destination:
    """Read and judge an upstream URL. ``allowed``: hosts that need no judging. Raises SetupError."""
    place = _parse(url)
    if place.host in {name.lower().strip("[]") for name in allowed} or _is_loopback(place.host):
        return replace(place, may_be_private=True)
    if place.scheme == "http":
        raise _refused(place, "is not encrypted")
    if _is_address(place.host):
        raise _refused(place, "is an address, not a name")
    if "." not in place.host or place.host.endswith(_PRIVATE_SUFFIXES):
        raise _refused(place, "is a private host")
    return place


def _parse(url: str) -> Destination:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SetupError(f"NEXUS_UPSTREAM_URL is no URL ({error}).") from error
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or not url.isprintable() or " " in url:
        raise SetupError("NEXUS_UPSTREAM_URL must look like https://api.anthropic.com.")
    if parts.username is not None or parts.query or parts.fragment:
        raise SetupError("NEXUS_UPSTREAM_URL must not hold a user, a query or a fragment; remove it.")
    return Destination(parts.scheme, host.rstrip("."), port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def _refused(place: Destination, why: str) -> SetupError:
    mend = f"add {place.host} to NEXUS_ALLOW_UPSTREAM if that is what you want"
    return SetupError(f"The upstream {place.origin} {why}; {mend}.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit() or host.startswith("0x")
    return True


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
