"""What does Nexus answer without asking upstream? A small exact table; everything else is forwarded."""

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.answers import OwnAnswer, own_answer
from gateway.journal import Journal
from gateway.metrics import Metrics


class _Readiness(msgspec.Struct):
    status: str
    degraded: bool
    reason: str | None


class LocalAnswers:
    """Looks after ``/health/*``, ``/metrics`` and the pages that clients look for at their start."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal, self._metrics = journal, metrics
        self._table = {
            "/health/live": _live,
            "/health/ready": self._ready,
            "/metrics": self._page,
            "/": _hello,
            "/api/hello": _hello,
        }

    def find(self, method: str, target: str) -> OwnAnswer | None:
        """None: the request is to be forwarded. ``target``: path with query."""
        if method not in {"GET", "HEAD"}:
            return None
        answer = self._table.get(target.partition("?")[0])
        return answer() if answer is not None else None

    def _ready(self) -> OwnAnswer:
        trouble = self._journal.trouble
        state = _Readiness("degraded" if trouble else "ok", trouble is not None, trouble)
        return own_answer(200, b"application/json", msgspec.json.encode(state))

    def _page(self) -> OwnAnswer:
        return own_answer(200, CONTENT_TYPE_LATEST.encode(), self._metrics.page())


def _live() -> OwnAnswer:
    return own_answer(200, b"application/json", b'{"status":"ok"}')


def _hello() -> OwnAnswer:
    return own_answer(200, b"application/json", b'{"name":"nexus"}')
