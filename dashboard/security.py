"""What may a browser do with our answers, and whom do we answer at all? Headers, the Host rule and the Origin rule.

A page of another site can make the user's browser send requests here: it can give its own name an address of this
machine (DNS rebinding), so only known names in ``Host`` are answered; and it can send forms and open WebSockets, so
their ``Origin`` must be exactly the address that they are sent to.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType

from domain.errors import SetupError

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",  # under "no-referrer" browsers send our own forms with "Origin: null"
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
"""On every answer, beside the content security policy."""
REPORTS_TO = "/csp-report"
"""Where browsers say what they stopped (``dashboard/policy_reports.py``).

By ``report-uri``, and not by ``report-to`` beside it: browsers that know both take the latter alone, send its reports a
minute later, and over plain HTTP none."""
OWN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; "
    f"form-action 'self'; frame-ancestors 'none'; report-uri {REPORTS_TO}"
)
"""Of everything that the front itself makes."""
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; script-src-attr 'none'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' blob: {socket}; "
    "frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    f"report-uri {REPORTS_TO}"
)
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?", re.ASCII)
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - these are compared, not listened on


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses under which browsers may know us."""

    names: frozenset[str]
    """Host names and literal addresses, without port."""
    any_literal: bool
    """We listen everywhere: every literal address may be ours. No name can be rebound to one."""
    https: frozenset[str] = field(default=frozenset())
    """Of the names, those that a TLS proxy serves."""

    def allow(self, host: str | None) -> bool:
        """Is this ``Host`` header's value one of ours?"""
        name = name_in(host)
        if name is None:
            return False
        return name in self.names or _is_loopback(name) or (self.any_literal and _is_literal(name))

    def is_https(self, host: str) -> bool:
        return name_in(host) in self.https

    def is_same_origin(self, origin: str | None, host: str) -> bool:
        """Does a page of exactly this address ask? ``host``: the header's value, allowed before."""
        scheme = "https" if self.is_https(host) else "http"
        return origin is not None and origin.lower() == f"{scheme}://{host.lower()}"

    def page_policy(self, host: str) -> str:
        """Of Panel's pages: they need inline scripts and ``eval``, and their WebSocket."""
        return _PAGE_POLICY.format(socket=f"{'wss' if self.is_https(host) else 'ws'}://{host}")


def addresses_of(hosts: Collection[str], public_urls: Collection[str]) -> Addresses:
    """``hosts``: where we listen. Raises SetupError for a URL that is none."""
    urls = [_split(url) for url in public_urls]
    bound = {f"[{host}]" if ":" in host else host.lower() for host in hosts}
    return Addresses(
        names=frozenset({"localhost", *bound, *(name for _, name in urls)}),
        any_literal=not _WILDCARDS.isdisjoint(hosts),
        https=frozenset(name for scheme, name in urls if scheme == "https"),
    )


def _split(url: str) -> tuple[str, str]:
    """Scheme and name."""
    scheme, _, rest = url.partition("://")
    name = name_in(rest.removesuffix("/"))
    if name is None or scheme not in {"http", "https"}:
        raise SetupError(f"{url!r} is no address of the dashboard; give it as https://name or http://name:port.")
    return scheme, name


def name_in(host: str | None) -> str | None:
    """The name in a ``Host`` value, in lower case; None: it is no such value."""
    found = _HOST.fullmatch((host or "").lower())
    return found[1] if found else None


def _is_loopback(name: str) -> bool:
    return _is_literal(name) and ip_address(name.strip("[]")).is_loopback


def _is_literal(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
