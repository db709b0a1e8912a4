"""Everything that is counted appears on the page, under the names we promise, with labels that cannot grow."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """(name, the one label's value) → value."""
    out = {}
    for family in text_string_to_metric_families(metrics.page().decode()):
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if key != "le"}
            out[sample.name, next(iter(labels.values()), "")] = sample.value
    return out


@pytest.mark.parametrize(
    ("status", "label"),
    [(100, "1xx"), (200, "2xx"), (307, "3xx"), (404, "4xx"), (529, "5xx"), (99, "other"), (600, "other")],
)
def test_answers_count_by_the_class_of_their_status(status: int, label: str) -> None:
    metrics = Metrics(lambda: 0)
    metrics.answered(status)
    counted = {key: value for key, value in samples(metrics).items() if key[0] == "nexus_requests_total" and value}
    assert counted == {("nexus_requests_total", label): 1}


def test_the_promised_names_are_there() -> None:
    metrics = Metrics(lambda: 3)
    metrics.ended("client")
    metrics.rejected("too_large")
    metrics.rejected("unauthenticated")
    metrics.rejected("forbidden")
    metrics.rejected("limited")
    metrics.limited("spend")
    metrics.signed_again.inc()
    metrics.held("request", 0.002)
    metrics.deferred.inc()
    metrics.recording_gaps.inc()
    metrics.swallowed_errors.inc(2)
    metrics.request_bytes.inc(7)
    metrics.answer_bytes.inc(8)
    found = samples(metrics)
    assert found["nexus_open_streams", ""] == 3
    assert found["nexus_exchanges_total", "client"] == 1
    assert found["nexus_exchanges_total", "completed"] == 0
    assert found["nexus_rejected_requests_total", "too_large"] == 1
    assert found["nexus_rejected_requests_total", "unauthenticated"] == 1
    assert found["nexus_rejected_requests_total", "forbidden"] == 1
    assert found["nexus_rejected_requests_total", "limited"] == 1
    assert {
        name: found["nexus_limited_requests_total", name] for name in ("requests", "streams", "tokens", "spend")
    } == {"requests": 0, "streams": 0, "tokens": 0, "spend": 1}
    assert found["nexus_signed_again_total", ""] == 1
    assert found["nexus_added_latency_seconds_count", "request"] == 1
    assert found["nexus_added_latency_seconds_count", "answer"] == 0
    assert found["nexus_deferred_total", ""] == 1
    assert found["nexus_recording_gaps_total", ""] == 1
    assert found["nexus_swallowed_errors_total", ""] == 2
    assert found["nexus_request_bytes_total", ""] == 7
    assert found["nexus_response_bytes_total", ""] == 8


def test_two_workers_count_apart() -> None:
    one, other = Metrics(lambda: 0), Metrics(lambda: 0)
    one.answered(200)
    assert samples(other)["nexus_requests_total", "2xx"] == 0


def test_whether_exchanges_are_recorded_is_on_the_page() -> None:
    metrics, trouble = Metrics(lambda: 0), "the disk refuses writes"
    metrics.watch_recording(is_on=True, trouble=lambda: trouble or None)
    assert (samples(metrics)["nexus_recording", ""], samples(metrics)["nexus_journal_trouble", ""]) == (1, 1)
    trouble = ""
    assert samples(metrics)["nexus_journal_trouble", ""] == 0
