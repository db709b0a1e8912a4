"""What does a gateway worker count? Its Prometheus metrics; no label can grow without bound."""

from collections.abc import Callable
from typing import Literal, get_args

from prometheus_client import Counter, Gauge, Histogram, generate_latest

from gateway.limits import LimitName
from gateway.published import registry_of_part
from gateway.records import Outcome

Reason = Literal[
    "malformed", "cross_site", "unauthenticated", "forbidden", "limited",
    "too_large", "too_many", "slow_head", "slow_body", "client_gone",
]  # fmt: skip
"""Why a request was turned away before it became an exchange."""
Held = Literal["request", "answer"]
"""What waited for the disk."""

_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class Metrics:
    """Counters of one gateway worker. Children are made once, so that counting is cheap."""

    def __init__(self, open_streams: Callable[[], int]) -> None:
        """``open_streams``: how many requests are being handled."""
        self.registry = registry_of_part()
        answers = Counter("nexus_requests", "Answers by status class", ["status"], registry=self.registry)
        self._answers = [answers.labels(name) for name in _CLASSES]
        exchanges = Counter("nexus_exchanges", "Exchanges by how they ended", ["outcome"], registry=self.registry)
        self._exchanges = {name: exchanges.labels(name) for name in get_args(Outcome)}
        rejected = Counter("nexus_rejected_requests", "Turned away at the door", ["reason"], registry=self.registry)
        self._rejected = {name: rejected.labels(name) for name in get_args(Reason)}
        limited = Counter("nexus_limited_requests", "Turned away by a limit", ["limit"], registry=self.registry)
        self._limited = {name: limited.labels(name) for name in get_args(LimitName)}
        held = Histogram(
            "nexus_added_latency_seconds",
            "Time that recording held up",
            ["phase"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._held = {name: held.labels(name) for name in get_args(Held)}
        gauge = Gauge("nexus_open_streams", "Requests in flight", registry=self.registry)
        gauge.set_function(open_streams)
        self.request_bytes = Counter("nexus_request_bytes", "Bytes of request bodies", registry=self.registry)
        self.answer_bytes = Counter("nexus_response_bytes", "Bytes of answers", registry=self.registry)
        self.signed_again = Counter(
            "nexus_signed_again", "Requests sent once more with a renewed signature", registry=self.registry
        )
        self.recording_gaps = Counter("nexus_recording_gaps", "Times that records were lost", registry=self.registry)
        self.swallowed_errors = Counter("nexus_swallowed_errors", "Errors kept from clients", registry=self.registry)
        self.deferred = Counter(
            "nexus_deferred", "Times that the disk was too slow to wait for", registry=self.registry
        )

    def answered(self, status: int) -> None:
        """An answer's head goes to a client."""
        self._answers[status // 100 - 1 if 100 <= status < 600 else -1].inc()

    def ended(self, outcome: Outcome) -> None:
        self._exchanges[outcome].inc()

    def rejected(self, reason: Reason) -> None:
        self._rejected[reason].inc()

    def limited(self, limit: LimitName) -> None:
        self._limited[limit].inc()

    def held(self, phase: Held, seconds: float) -> None:
        """The disk was waited for."""
        self._held[phase].observe(seconds)

    def watch_recording(self, *, is_on: bool, trouble: Callable[[], str | None]) -> None:
        """``is_on``: exchanges are recorded at all. ``trouble``: why records are late or missing now."""
        Gauge("nexus_recording", "1: exchanges are recorded; 0: only forwarded", registry=self.registry).set(is_on)
        gauge = Gauge("nexus_journal_trouble", "1: the journal's disk refuses records", registry=self.registry)
        gauge.set_function(lambda: trouble() is not None)

    def page(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
