"""Shipper and projector say in numbers how far they are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.ids import Position
from gateway.frames import SEGMENT_HEADER_BYTES
from gateway.journal_reader import position
from gateway.shipper import ShipperState
from ops.part_metrics import DashboardNumbers, PartNumbers, ProjectorNumbers, ShipperNumbers
from projections.follower import FollowerState
from projections.runner import RunnerState
from tests.journals import STARTED_NS, JournalOnDisk, tick

NOW = datetime.fromtimestamp(STARTED_NS / 1e9, UTC) + timedelta(seconds=11)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_the_shipper_says_what_waits_and_whether_its_store_answers(tmp_path: Path) -> None:
    disk, state = JournalOnDisk(tmp_path), ShipperState(events=4, failures=2, damaged_bytes=9)
    disk.write([tick(1)])
    numbers = ShipperNumbers(state, tmp_path, Clock())
    said = numbers.say()
    assert said.value("nexus_ship_lag_seconds") == pytest.approx(10, abs=0.001)
    size = disk.segment(1).stat().st_size
    assert said.value("nexus_journal_bytes") == size
    assert said.value("nexus_ship_lag_bytes") == size - SEGMENT_HEADER_BYTES
    assert (said.value("nexus_shipped_events_total"), said.value("nexus_ship_failures_total")) == (4, 2)
    assert said.value("nexus_journal_damaged_bytes_total") == 9
    assert said.value("nexus_store_up") == 1
    state.shipped[disk.directory.name] = position(1, size)
    numbers.note_store(False)
    said = numbers.say()
    assert (said.value("nexus_ship_lag_seconds"), said.value("nexus_store_up")) == (0, 0)
    assert said.shipped == state.shipped


def test_the_dashboard_says_what_browsers_stopped() -> None:
    stopped = dict[str, int]()
    numbers = DashboardNumbers(lambda: stopped)
    assert numbers.say().total("nexus_csp_violations_total") == 0
    stopped |= {"img-src": 2, "script-src": 1}
    said = numbers.say()
    assert said.value("nexus_csp_violations_total", directive="img-src") == 2
    assert said.total("nexus_csp_violations_total") == 3


def lag_of(numbers: ProjectorNumbers) -> tuple[float | None, float | None]:
    said = numbers.say()
    return (
        said.value("nexus_projection_lag_events", projection="requests"),
        said.value("nexus_projection_lag_seconds", projection="requests"),
    )


def test_the_projector_says_how_far_each_projection_is_behind() -> None:
    state, clock = RunnerState(), Clock()
    numbers = ProjectorNumbers(state, clock)
    assert lag_of(numbers) == (None, None)
    follower = state.followers["requests"] = FollowerState(Position(7), Position(9), failed=3)
    assert lag_of(numbers) == (2, 0)
    clock.now += timedelta(seconds=5)
    assert lag_of(numbers) == (2, 5), "since it was first seen to be behind"
    follower.behind_since = NOW - timedelta(seconds=60)
    assert lag_of(numbers) == (2, 65), "the events know better"
    follower.position, follower.behind_since = Position(9), None
    assert lag_of(numbers) == (0, 0)
    follower.newest = Position(10)
    assert lag_of(numbers) == (1, 0)
    assert numbers.say().value("nexus_projection_failed_total", projection="requests") == 3


def test_the_projector_says_whether_it_leads() -> None:
    leads = True
    numbers = ProjectorNumbers(RunnerState(), Clock(), leads=lambda: leads)
    assert numbers.say().value("nexus_projector_leads") == 1
    leads = False
    assert numbers.say().value("nexus_projector_leads") == 0


def test_tokens_are_told_by_kind() -> None:
    state = RunnerState()
    state.tokens.counts["output"] = 42
    said = ProjectorNumbers(state, Clock()).say()
    assert said.value("nexus_tokens_total", kind="output") == 42
    assert {one.labels["kind"] for one in said.samples("nexus_tokens_total")} == {
        "input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
    }  # fmt: skip


def test_every_part_says_its_version() -> None:
    assert PartNumbers().say().total("nexus_build_info") == 1
