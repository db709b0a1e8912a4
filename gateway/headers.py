"""What becomes of header lines on their way through? Filters and facts, pure.

Lines are the wire's own bytes, in the wire's order and case, duplicates kept. Text made of them is latin-1, so that
every byte has a character.
"""

import re
from collections.abc import Callable, Container
from functools import lru_cache

from domain.client_domains import is_client_domain
from domain.redaction import header_fact
from gateway.records import HeaderLine

HeaderLines = tuple[tuple[bytes, bytes], ...]
"""(name, value) as on the wire."""
HeaderMap = dict[bytes, bytes]
"""The first value of each name; names in lower case."""
ToFacts = Callable[[HeaderLines], tuple[HeaderLine, ...]]
"""What of each line may be recorded."""

UNKNOWN_DOMAIN = "unknown"
REQUEST_ID = b"x-nexus-request-id"
_HOP_BY_HOP = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
_NEVER_LISTED = frozenset({b"content-length", b"host"})
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]{2,45})\]|(?P<name>[^:\[\]]+?)\.?)(?::[0-9]{0,5})?")
_REMEMBERED_FACTS, _REMEMBERED_HOSTS, _REMEMBERED_BYTES = 2048, 256, 512


def by_name(lines: HeaderLines) -> HeaderMap:
    """The first value of each name."""
    return {name.lower(): value for name, value in reversed(lines)}


def for_upstream(lines: HeaderLines, host: bytes, size: int) -> HeaderLines:
    """The lines that go upstream: end-to-end ones, Host replaced, Content-Length by the body of ``size`` bytes.

    Expect stays here: the body is whole before upstream is opened, so there is nothing left to wait for.
    """
    names = [name.lower() for name, _ in lines]
    dropped = _dropped(lines, names) | {b"expect"}
    length = b"%d" % size
    replaced = {b"host": host, b"content-length": length}
    out = [
        (name, replaced.get(lower, value))
        for lower, (name, value) in zip(names, lines, strict=True)
        if lower not in dropped
    ]
    if b"host" not in names:
        out.insert(0, (b"Host", host))
    if b"content-length" not in names and (size or b"transfer-encoding" in names):
        out.append((b"Content-Length", length))
    return tuple(out)


def body_length(method: str, status: int, told: HeaderMap) -> int | None:
    """Bytes of the answer's body that follow the head; None: not told, it ends when it ends (RFC 9112 §6.3)."""
    if method == "HEAD" or status in {204, 304}:
        return 0
    if b"transfer-encoding" in told:
        return None
    length = told.get(b"content-length", b"")
    return int(length) if length.isdigit() else None


def for_client(lines: HeaderLines, told: HeaderMap, length: int | None) -> HeaderLines:
    """The answer's lines that go to the client: end-to-end ones, without a request id of Nexus, which is ours to give.

    ``length``: what ``body_length`` said. A Content-Length that does not frame the body is void.
    """
    void = {REQUEST_ID, b"content-length"} if length is None else {REQUEST_ID}
    dropped = _dropped(lines, told) | void
    return tuple(line for line in lines if line[0].lower() not in dropped)


def _dropped(lines: HeaderLines, names: Container[bytes]) -> frozenset[bytes]:
    """Hop-by-hop names: the known ones and those that Connection lists (RFC 9110 §7.6.1).

    What frames and addresses a message is no hop's own: without it, a body could be read as another request.
    """
    if b"connection" not in names:
        return _HOP_BY_HOP
    listed = (value.lower().split(b",") for name, value in lines if name.lower() == b"connection")
    return _HOP_BY_HOP.union(word.strip() for words in listed for word in words) - _NEVER_LISTED


def client_domain(told: HeaderMap) -> str:
    """Label of the host the client called: ``X-Nexus-Domain`` if it is there, else the Host's name without port."""
    label = told.get(b"x-nexus-domain")
    if label is not None:
        return _valid_domain(label.decode("latin-1"))
    return _domain_of_host(told.get(b"host", b""))


@lru_cache(_REMEMBERED_HOSTS)
def _domain_of_host(value: bytes) -> str:
    """Clients call the same few hosts."""
    host = _HOST.fullmatch(value.decode("latin-1")) if len(value) <= _REMEMBERED_BYTES else None
    if host is None:
        return UNKNOWN_DOMAIN
    return (host["v6"] or _valid_domain(host["name"])).lower()


def _valid_domain(text: str) -> str:
    lower = text.strip().lower()
    return lower if is_client_domain(lower) else UNKNOWN_DOMAIN


def upstream_request_id(told: HeaderMap) -> str | None:
    """The id that upstream gave the exchange."""
    value = told.get(b"request-id") or told.get(b"x-request-id")
    return value.decode("latin-1") if value else None


def to_facts(fingerprint_key: bytes) -> ToFacts:
    """Lines repeat from request to request, so facts are remembered; those of values that may be secret never are."""
    remembered: dict[tuple[bytes, bytes], HeaderLine] = {}

    def fact(line: tuple[bytes, bytes]) -> HeaderLine:
        name, value = line
        found = HeaderLine(*header_fact(name.decode("latin-1"), value.decode("latin-1"), fingerprint_key))
        if found.value is not None and len(value) <= _REMEMBERED_BYTES:
            if len(remembered) >= _REMEMBERED_FACTS:
                remembered.clear()
            remembered[line] = found
        return found

    return lambda lines: tuple([remembered.get(line) or fact(line) for line in lines])
