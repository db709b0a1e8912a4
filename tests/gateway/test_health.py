"""A small exact table is answered here; everything else goes upstream."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from gateway import published
from gateway.health import LocalAnswers
from gateway.host_view import HostView
from gateway.journal import Journal, NullJournal
from gateway.metrics import Metrics
from gateway.readiness import HostNow
from tests.fake_upstream import fixed
from tests.running_gateway import gateway_before
from tests.waiting import until_true


class Sick(NullJournal):
    trouble = "the disk refuses writes"  # type: ignore[assignment]  # the protocol allows it


def answers(journal: Journal | None = None, host: HostView | None = None, *, draining: bool = False) -> LocalAnswers:
    host = host or HostView(Metrics(lambda: 0), "gateway", None, None)
    return LocalAnswers(journal or NullJournal(), host, lambda: draining)


def ready(local: LocalAnswers) -> tuple[int, Any]:
    own = local.find("GET", "/health/ready")
    assert own is not None
    return own.head.status, json.loads(own.body)


@pytest.fixture
def local() -> LocalAnswers:
    return answers()


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


@pytest.mark.bar(78)
def test_readiness_says_what_is_wrong_and_stays_200() -> None:
    assert ready(answers()) == (200, {"status": "ok", "reasons": []})
    assert ready(answers(Sick())) == (200, {"status": "degraded", "reasons": ["the disk refuses writes"]})


def test_readiness_is_503_only_while_the_gateway_stops() -> None:
    status, said = ready(answers(Sick(), draining=True))
    assert status == 503
    assert said == {"status": "draining", "reasons": ["the gateway stops", "the disk refuses writes"]}


def test_readiness_knows_what_the_worker_saw_of_its_host(tmp_path: Path) -> None:
    host = HostView(Metrics(lambda: 0), "gateway", tmp_path / "metrics", tmp_path)
    host.now = HostNow(disk_share=0.95, at=1.0)
    assert ready(answers(host=host)) == (
        200,
        {
            "status": "degraded",
            "reasons": [
                "no shipper is running: records wait on this disk",
                "the disk of the journals is 95% full",
            ],
        },
    )


@pytest.mark.bar(78)
def test_liveness_touches_nothing() -> None:
    """Whatever is wrong with everything else."""
    nothing: Any = object()  # whatever is asked of it fails
    own = LocalAnswers(nothing, nothing, nothing).find("GET", "/health/live")
    assert own is not None
    assert (own.head.status, own.body) == (200, b'{"status":"ok"}')


def test_metrics_are_in_prometheus_format(local: LocalAnswers) -> None:
    own = local.find("GET", "/metrics", "text/plain")
    assert own is not None
    assert own.head.headers[0][1].startswith(b"text/plain; version=")
    assert b'nexus_open_streams{part="gateway"} 0.0' in own.body
    names = {family.name for family in prometheus(own.body.decode())}
    assert {"nexus_requests", "nexus_build_info", "nexus_part_up", "process_resident_memory_bytes"} <= names


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=bad;;=", "Application/OpenMetrics-Text;q=1"])
def test_metrics_are_in_open_metrics_format_when_that_is_asked_for(local: LocalAnswers, accept: str) -> None:
    own = local.find("GET", "/metrics", accept)
    assert own is not None
    assert own.head.headers[0][1].startswith(b"application/openmetrics-text; version=")
    families = {family.name: family for family in open_metrics(own.body.decode())}  # type: ignore[no-untyped-call]  # theirs has no types
    (sample, *_) = families["nexus_open_streams"].samples
    assert (sample.labels, sample.value) == ({"part": "gateway"}, 0)


async def test_one_worker_answers_for_the_whole_host(tmp_path: Path) -> None:
    """Over the socket: own numbers and those of a shipper, HEAD too, and reasons that come and go."""
    folder, registry = tmp_path / "metrics", published.registry_of_part()
    async with AsyncExitStack() as shipper:
        await shipper.enter_async_context(
            published.publishing(folder, "shipper", lambda: published.snapshot(registry), period_s=0.05)
        )
        async with gateway_before(fixed(b"ok"), tmp_path / "journals", metrics_dir=folder) as (_, gateway):
            async with gateway.client() as client:

                async def page() -> bytes:
                    return (await client.request("GET", b"/metrics")).body

                async def status() -> object:
                    return json.loads((await client.request("GET", b"/health/ready")).body)["status"]

                await until_true(lambda: has(page, b'nexus_part_up{part="shipper"} 1.0'), "the shipper's numbers")
                infos = [one for one in prometheus((await page()).decode()) if one.name == "nexus_build_info"]
                parts = {sample.labels["part"] for family in infos for sample in family.samples}
                assert parts == {"gateway", "shipper"}
                assert await status() == "ok"
                head = await client.request("HEAD", b"/health/ready")
                assert (head.status, head.body) == (200, b"")
                await shipper.aclose()
                await until_true(lambda: has(status, "degraded"), "the missing shipper to be noticed")
            assert (folder / "gateway.json").exists()
        assert not (folder / "gateway.json").exists(), "a worker that stops takes its file along"


async def has(ask: Callable[[], Awaitable[Any]], what: object) -> bool:
    return what in await ask()
