"""A worker tells what it knows of its host: other parts, the disk, and how far shipping is when no shipper says so."""

import os
from pathlib import Path

from prometheus_client import generate_latest

from gateway.host_view import HostView
from gateway.metrics import Metrics
from gateway.published import (
    MergedCollector,
    Published,
    publishing,
    read,
    registry_of_part,
    snapshot,
    wall_clock,
    write,
)
from gateway.readiness import HostNow
from tests.journals import JOURNAL, JournalOnDisk, tick
from tests.waiting import until


def view(tmp_path: Path, part: str = "gateway") -> HostView:
    return HostView(Metrics(lambda: 2), part, tmp_path / "metrics", tmp_path / "journals")


def page(host: HostView) -> str:
    return generate_latest(MergedCollector(host.everything())).decode()


async def test_two_workers_see_each_other_and_not_themselves(tmp_path: Path) -> None:
    one, two = view(tmp_path), view(tmp_path, "gateway-2")
    async with one.kept_fresh(0.01), two.kept_fresh(0.01):
        await until(lambda: set(one.now.parts) == {"gateway-2"} and set(two.now.parts) == {"gateway"}, "each other")
        for host in (one, two):
            text = page(host)
            assert text.count("nexus_open_streams{") == 2
            assert 'nexus_part_up{part="gateway"} 1.0' in text
            assert 'nexus_part_up{part="gateway-2"} 1.0' in text


def test_a_part_that_stopped_saying_anything_is_down_and_its_old_numbers_are_not_shown(tmp_path: Path) -> None:
    host = view(tmp_path)
    write(tmp_path / "metrics", "projector", snapshot(registry_of_part()))
    (seen,) = read(tmp_path / "metrics", wall_clock() + 60).values()
    host.now = HostNow({"projector": seen}, at=1.0)
    text = page(host)
    assert 'nexus_part_up{part="projector"} 0.0' in text
    assert 'nexus_build_info{part="projector"' not in text


def test_where_no_shipper_says_it_the_worker_measures_what_is_not_shipped(tmp_path: Path) -> None:
    JournalOnDisk(tmp_path / "journals").write([tick(1)])
    host = view(tmp_path)
    host.now = host.look(tmp_path / "metrics")
    assert host.now.unshipped is not None
    assert host.now.unshipped.byte_count > 0
    assert 'nexus_ship_lag_seconds{part="gateway"}' in page(host)
    assert 'nexus_disk_used_ratio{part="gateway"} 0.' in page(host)


def test_what_a_shipper_that_died_had_shipped_counts_as_shipped(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path / "journals")
    disk.write([tick(1)])
    write(tmp_path / "metrics", "shipper", Published(shipped={str(JOURNAL): 1 << 40 | disk.segment(1).stat().st_size}))
    file = tmp_path / "metrics" / "shipper.json"
    host = view(tmp_path)
    assert host.look(tmp_path / "metrics").unshipped is None, "it lives, so it says so itself"
    os.utime(file, (wall_clock() - 60, wall_clock() - 60))
    found = host.look(tmp_path / "metrics").unshipped
    assert found is not None
    assert found.byte_count == 0


async def test_a_worker_that_drains_leaves_its_name_to_its_successor(tmp_path: Path) -> None:
    draining = False
    folder = tmp_path / "metrics"
    old = HostView(Metrics(lambda: 0), "gateway", folder, tmp_path, lambda: draining)
    async with old.kept_fresh(0.005):
        await until((folder / "gateway.json").exists)
        draining = True
        write(folder, "gateway", Published(pid=1))
        before = old.now
        await until(lambda: old.now.at > before.at, "another look, and so another chance to write")
        write(folder, "gateway", Published(pid=1))
        later = old.now
        await until(lambda: old.now.at > later.at)
        assert read(folder, wall_clock())["gateway"].published.pid == 1
    assert (folder / "gateway.json").exists()


async def test_without_a_folder_or_a_journal_it_knows_only_itself(tmp_path: Path) -> None:
    host = HostView(Metrics(lambda: 0), "gateway", None, None)
    async with host.kept_fresh():
        assert host.now == HostNow()
    assert not host.expects_shipper
    no_journal = HostView(Metrics(lambda: 0), "gateway", tmp_path, None)
    assert no_journal.look(tmp_path).unshipped is None


async def test_a_folder_that_went_away_breaks_nothing(tmp_path: Path) -> None:
    host = view(tmp_path)
    async with publishing(tmp_path / "metrics", "shipper", Published):
        assert host.look(tmp_path / "none").parts == {}
    assert host.look(tmp_path / "none").disk_share is None
