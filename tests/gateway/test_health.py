"""A small exact table is answered here; everything else goes upstream."""

import json

import pytest

from gateway.health import LocalAnswers
from gateway.journal import NullJournal
from gateway.metrics import Metrics


class Sick(NullJournal):
    trouble = "the disk refuses writes"  # type: ignore[assignment]  # the protocol allows it


@pytest.fixture
def local() -> LocalAnswers:
    return LocalAnswers(NullJournal(), Metrics(lambda: 0))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", ["/", "/?a=b", "/api/hello", "/health/live", "/health/ready?verbose", "/metrics"])
def test_what_is_ours_to_answer(local: LocalAnswers, method: str, target: str) -> None:
    own = local.find(method, target)
    assert own is not None
    assert own.head.status == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/"), ("OPTIONS", "/health/live"), ("DELETE", "/metrics"), ("GET", "/v1/models"), ("GET", "//"),
        ("GET", "/health"), ("GET", "/health/"), ("GET", "/health/live/"), ("GET", "/api/hello2"),
        ("GET", "/metrics/x"), ("GET", "/health/%6cive"), ("GET", ""),
    ],
)  # fmt: skip
def test_what_is_not(local: LocalAnswers, method: str, target: str) -> None:
    assert local.find(method, target) is None


def test_readiness_says_what_is_wrong_and_stays_200() -> None:
    well = LocalAnswers(NullJournal(), Metrics(lambda: 0)).find("GET", "/health/ready")
    sick = LocalAnswers(Sick(), Metrics(lambda: 0)).find("GET", "/health/ready")
    assert well is not None
    assert sick is not None
    assert json.loads(well.body) == {"status": "ok", "degraded": False, "reason": None}
    assert json.loads(sick.body) == {"status": "degraded", "degraded": True, "reason": "the disk refuses writes"}
    assert sick.head.status == 200


def test_metrics_are_in_prometheus_format(local: LocalAnswers) -> None:
    own = local.find("GET", "/metrics")
    assert own is not None
    assert own.head.headers[0][1].startswith(b"text/plain; version=")
    assert b"nexus_open_streams 0.0" in own.body
