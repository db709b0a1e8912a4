"""What did browsers stop on our pages? What they report is counted, a little of it logged, and none of it believed.

A browser that stops something, because of the content security policy, says so here by itself. In normal use there is
nothing to stop: a count is a page of ours that is wrong, an extension of a browser that changes pages, or somebody who
got something into one. Anybody who reaches the dashboard may send a report, so no word of it is kept that was not known
before (it is ``other``), and only so many are read.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp.web import Request, Response

from dashboard.page_access import PAGES
from dashboard.refusals import RefusedError

MOST_A_MINUTE = 60
"""Bodies that are read; of any more it is only counted that they came."""
MOST_IN_ONE = 20
"""Reports of one body."""
WINDOW_S = 60.0
UNREAD = "unread"
"""What is counted in the place of a directive for a body that came when enough had been read."""
OTHER = "other"
DIRECTIVES = frozenset(
    {"default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr"}
    | {"img-src", "font-src", "connect-src", "frame-src", "object-src", "base-uri", "form-action", "frame-ancestors"}
    | {"child-src", "manifest-src", "media-src", "worker-src"}
)
_KINDS = frozenset({"inline", "eval", "wasm-eval", "data", "blob", "self"})
"""Of what was stopped, as browsers name it where it has no address."""
_TYPES = frozenset({"application/csp-report", "application/reports+json", "application/json"})
_DEADLINE_S = 10.0
_LOG = structlog.get_logger("nexus.dashboard")


@dataclass(frozen=True, slots=True)
class Violation:
    """One report, in words of ours."""

    directive: str
    kind: str
    """What was stopped: ``inline``, ``eval``, …; an ``address``; or ``other``."""
    page: str
    """The path of one of our pages, as far as all share it; or ``other``."""


class PolicyReports:
    """Takes in what browsers report."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._read = 0
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """By directive, since the start."""
        return self._counts.copy()

    async def take(self, request: Request) -> Response:
        """POST: what a browser stopped. Raises RefusedError."""
        if request.content_type not in _TYPES:
            raise RefusedError(400, "Send a report of a browser.")
        if not self._may_read():
            self._count(UNREAD)
            raise RefusedError(429, "Enough was reported; wait a little.", {"Retry-After": f"{WINDOW_S:.0f}"})
        try:
            async with asyncio.timeout(_DEADLINE_S):
                violations = violations_in(await request.read())
        except TimeoutError:
            raise RefusedError(400, "The report did not come in time.") from None
        for one in violations:
            self._count(one.directive)
            _LOG.warning("a browser stopped something on a page", detail=f"{one.directive}: {one.kind}", place=one.page)
        return Response(status=204)

    def _may_read(self) -> bool:
        now = self._clock()
        if now - self._began >= WINDOW_S:
            self._began, self._read = now, 0
        self._read += 1
        return self._read <= MOST_A_MINUTE

    def _count(self, directive: str) -> None:
        self._counts[directive] = self._counts.get(directive, 0) + 1


def violations_in(body: bytes) -> list[Violation]:
    """In the form of ``report-uri``, or of ``report-to``. Raises RefusedError."""
    try:
        found: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "This is no report of a browser.") from None
    if isinstance(found, dict) and "csp-report" in found:
        return [_violation(found["csp-report"])]
    if isinstance(found, list):
        kept = [one for one in found if isinstance(one, dict) and one.get("type") == "csp-violation"]
        return [_violation(one.get("body")) for one in kept[:MOST_IN_ONE]]
    raise RefusedError(400, "This is no report of a browser.")


def _violation(said: object) -> Violation:
    words = said if isinstance(said, dict) else {}
    directive = _first(words, "effective-directive", "effectiveDirective", "violated-directive").partition(" ")[0]
    return Violation(
        directive=directive if directive in DIRECTIVES else OTHER,
        kind=_kind(_first(words, "blocked-uri", "blockedURL")),
        page=_page(_first(words, "document-uri", "documentURL")),
    )


def _first(words: Mapping[object, object], *names: str) -> str:
    return next((found for name in names if isinstance(found := words.get(name), str)), "")


def _kind(blocked: str) -> str:
    word = blocked.partition(":")[0]
    if word in _KINDS:
        return word
    return "address" if word in {"http", "https", "ws", "wss"} else OTHER


def _page(address: str) -> str:
    try:
        steps = urlsplit(address).path.strip("/").split("/")
    except ValueError:
        return OTHER
    path = f"/{steps[0]}"
    return path if path in PAGES or path in {"/login", "/logout"} else OTHER
