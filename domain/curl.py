"""Which command asks the same once more? A recorded request as a line for a shell; pure.

Credentials were never recorded, so the line takes one from the environment in their place. What curl says for itself
(the host, the length of the body) and what concerns one connection is left to curl, and so is which codings it can
unpack. The body stands in the line if it is short text and known to the letter; else curl reads it from a file, which
is to hold the exact bytes.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.redaction import SECRET_HEADERS

CREDENTIAL = '"x-api-key: $ANTHROPIC_API_KEY"'
"""The only word that the shell is to look into."""
MOST_INLINE_BYTES = 16 * 1024
_CREDENTIALS = frozenset({"authorization", "x-api-key", "anthropic-api-key"})
"""The gateway takes a key of its own in any of them, and so does upstream one of its."""
_LEFT_TO_CURL = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_CODINGS = "accept-encoding"
_UNSAID = SECRET_HEADERS | _LEFT_TO_CURL | {_CODINGS}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PORT = re.compile(r":[0-9]+$")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_UNKNOWN_HOST = "localhost"


class Header(Protocol):
    """What is kept of a header line; ``value`` None: nothing that could be sent again."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it was recorded."""

    method: str
    target: str
    """Path with query."""
    headers: Sequence[Header]
    body: bytes | None
    """As it is known here; None: there was none."""
    exact: bool = True
    """These are the bytes that were sent: nothing is unpacked, hidden or missing."""


@dataclass(frozen=True, slots=True)
class CurlCommand:
    """A line for a shell."""

    text: str
    needs_file: bool
    """It reads the body from a file."""
    signs: bool
    """It takes a credential from the environment."""
    left_out: tuple[str, ...]
    """Names of the headers that were sent and whose value was not kept, credentials aside."""


def curl(asked: Asked, file_name: str) -> CurlCommand:
    """``file_name``: of the file with the body, where the line needs one."""
    inline = _inline(asked)
    needs_file = asked.body is not None and inline is None
    url = url_of(asked)
    words = [
        "curl",
        *_method(asked.method),
        *(["--globoff"] if any(letter in url for letter in "[]{}") else []),
        *(["--path-as-is"] if "/." in url else []),
        shlex.quote(url),
        *_headers(asked),
        *([] if inline is None else ["--data-raw", shlex.quote(inline)]),
        *(["--data-binary", shlex.quote(f"@{file_name}")] if needs_file else []),
    ]
    return CurlCommand(" ".join(words), needs_file, CREDENTIAL in words, tuple(_left_out(asked.headers)))


def url_of(asked: Asked) -> str:
    """Where the client called the gateway. A name without a port is one that a TLS proxy serves, unless it is ours."""
    host = next((one.value for one in asked.headers if one.name.lower() == "host" and one.value), _UNKNOWN_HOST)
    scheme = "http" if _PORT.search(host) or host.lower() in _LOOPBACK else "https"
    return f"{scheme}://{host}{asked.target}"


def _inline(asked: Asked) -> str | None:
    """The body as a word; None: there is none, or it cannot stand in a line."""
    body = asked.body
    if body is None or not asked.exact or len(body) > MOST_INLINE_BYTES or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _method(method: str) -> Sequence[str]:
    """After ``--request HEAD`` curl would wait for a body."""
    return ["--head"] if method == "HEAD" else ["--request", shlex.quote(method)]


def _headers(asked: Asked) -> Iterator[str]:
    names = {one.name.lower() for one in asked.headers}
    for one in asked.headers:
        if one.value is not None and _can_be_sent(one.name):
            yield "--header"
            yield shlex.quote(f"{one.name}: {one.value}" if one.value.strip() else f"{one.name};")
    if _CODINGS in names:
        yield "--compressed"
    if asked.body is not None and "content-type" not in names:
        yield "--header"
        yield "content-type:"  # or curl calls it a form
    if names & _CREDENTIALS:
        yield "--header"
        yield CREDENTIAL


def _can_be_sent(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in _UNSAID


def _left_out(headers: Sequence[Header]) -> Iterator[str]:
    for one in headers:
        if one.name.lower() not in _UNSAID and (one.value is None or not _NAME.fullmatch(one.name)):
            yield one.name
