"""What does Nexus answer without asking upstream? A small exact table; everything else is forwarded.

``/health/live`` says that the event loop turns, and looks at nothing. ``/health/ready`` stays 200 while requests are
forwarded, with the reasons why it is degraded; 503 only while the gateway stops. ``/metrics`` is the whole host.
"""

from collections.abc import Callable

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from gateway.answers import OwnAnswer, own_answer
from gateway.host_view import HostView
from gateway.journal import Journal
from gateway.published import MergedCollector
from gateway.readiness import reasons

_OPEN_METRICS = "application/openmetrics-text"


class _Readiness(msgspec.Struct):
    status: str
    reasons: list[str]


class LocalAnswers:
    """Looks after ``/health/*``, ``/metrics`` and the pages that clients look for at their start."""

    def __init__(self, journal: Journal, host: HostView, is_draining: Callable[[], bool]) -> None:
        self._journal, self._host, self._is_draining = journal, host, is_draining
        self._table: dict[str, Callable[[str], OwnAnswer]] = {
            "/health/live": _live,
            "/health/ready": self._ready,
            "/metrics": self._page,
            "/": _hello,
            "/api/hello": _hello,
        }

    def find(self, method: str, target: str, accept: str = "") -> OwnAnswer | None:
        """None: the request is to be forwarded. ``target``: path with query. ``accept``: as the client says it."""
        if method not in {"GET", "HEAD"}:
            return None
        answer = self._table.get(target.partition("?")[0])
        return answer(accept) if answer is not None else None

    def _ready(self, _: str) -> OwnAnswer:
        found = reasons(self._journal.trouble, self._host.now, expects_shipper=self._host.expects_shipper)
        if self._is_draining():
            return _readiness(503, "draining", ["the gateway stops", *found])
        return _readiness(200, "degraded" if found else "ok", found)

    def _page(self, accept: str) -> OwnAnswer:
        page = MergedCollector(self._host.everything())
        if _OPEN_METRICS in accept.lower():
            return own_answer(200, openmetrics.CONTENT_TYPE_LATEST.encode(), openmetrics.generate_latest(page))  # type: ignore[no-untyped-call]  # theirs has no types
        return own_answer(200, CONTENT_TYPE_LATEST.encode(), generate_latest(page))


def _readiness(status: int, word: str, found: list[str]) -> OwnAnswer:
    return own_answer(status, b"application/json", msgspec.json.encode(_Readiness(word, found)))


def _live(_: str) -> OwnAnswer:
    return own_answer(200, b"application/json", b'{"status":"ok"}')


def _hello(_: str) -> OwnAnswer:
    return own_answer(200, b"application/json", b'{"name":"nexus"}')
