"""Parts tell each other their numbers in small files: whole or not at all, bounded, and nobody fails over them."""

import asyncio
import time
from pathlib import Path
from threading import Event, Thread

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from gateway import published
from gateway.published import FORGOTTEN_S, FRESH_S, MergedCollector, Published, publishing, read, snapshot, write
from tests.waiting import until


def registry(value: float = 1.0) -> CollectorRegistry:
    made = CollectorRegistry()
    Gauge("nexus_lag", "Lag", ["of"], registry=made).labels('a"\\\n').set(value)
    Counter("nexus_things", "Things", registry=made).inc(3)
    Histogram("nexus_waits", "Waits", buckets=(1.0,), registry=made).observe(0.5)
    return made


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    said = snapshot(registry(), {"j": 7})
    write(tmp_path / "metrics", "shipper", said)
    found = read(tmp_path / "metrics", time.time())
    assert found["shipper"].published == said
    assert found["shipper"].is_fresh
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o700


def test_who_reads_while_it_is_written_sees_a_whole_file(tmp_path: Path) -> None:
    said, over = snapshot(registry()), Event()
    write(tmp_path, "shipper", said)

    def keep_writing() -> None:
        while not over.is_set():
            write(tmp_path, "shipper", said)

    writer = Thread(target=keep_writing)
    writer.start()
    try:
        seen = [read(tmp_path, time.time()).get("shipper") for _ in range(300)]
    finally:
        over.set()
        writer.join()
    assert [one for one in seen if one is None or one.published != said] == []


def test_samples_are_found_by_name_and_labels() -> None:
    said = snapshot(registry())
    assert said.value("nexus_things_total") == 3
    assert said.value("nexus_lag", of='a"\\\n') == 1
    assert said.value("nexus_lag") is None
    assert said.total("nexus_waits_bucket") == 2


def test_numbers_that_are_none_and_times_of_birth_are_left_out() -> None:
    said = snapshot(registry(float("nan")))
    assert not list(said.samples("nexus_lag"))
    assert not list(said.samples("nexus_things_created"))


@pytest.mark.parametrize(("age_s", "fresh"), [(0, True), (FRESH_S + 2, False), (-FRESH_S - 2, False)])
def test_a_file_that_nobody_writes_any_more_is_not_fresh(tmp_path: Path, age_s: float, fresh: bool) -> None:
    write(tmp_path, "projector", Published())
    now = (tmp_path / "projector.json").stat().st_mtime + age_s
    assert read(tmp_path, now)["projector"].is_fresh is fresh


def test_a_part_that_is_long_gone_is_forgotten(tmp_path: Path) -> None:
    write(tmp_path, "gateway-7", Published())
    assert read(tmp_path, time.time() + FORGOTTEN_S + 5) == {}


@pytest.mark.parametrize("name", ["gateway-100", "gateway-0", "x", "shipper-2", "../shipper", "", "gateway.new"])
def test_the_names_of_parts_are_bounded(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name.replace('/', '_')}.json").write_bytes(b'{"families":[]}')
    assert read(tmp_path, time.time()) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"families":[["a"]]}', b'{"families":3}', b"\xff" * 40])
def test_what_is_no_file_of_ours_is_passed_over(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "shipper", Published())
    (tmp_path / "projector.json").write_bytes(content)
    (tmp_path / "dashboard.json").mkdir()
    assert list(read(tmp_path, time.time())) == ["shipper"]


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none", time.time()) == {}


def test_a_disk_that_refuses_keeps_the_old_file_and_raises_nothing(tmp_path: Path) -> None:
    write(tmp_path, "shipper", snapshot(registry(1)))
    before = (tmp_path / "shipper.json").read_bytes()
    (tmp_path / ".shipper.new").mkdir()  # nothing can be written there
    write(tmp_path, "shipper", snapshot(registry(2)))
    assert (tmp_path / "shipper.json").read_bytes() == before
    write(tmp_path / "shipper.json" / "no folder", "shipper", Published())


def test_parts_are_told_apart_by_a_label_and_odd_families_are_left_out() -> None:
    other = CollectorRegistry()
    Counter("nexus_lag", "Of another version, and of another kind", registry=other).inc()
    Counter("nexus_things", "Things", registry=other).inc(5)
    page = published_page([("shipper", snapshot(registry())), ("gateway-2", snapshot(other))])
    families = {family.name: family.samples for family in text_string_to_metric_families(page)}
    assert {(one.labels["part"], one.value) for one in families["nexus_things"]} == {("shipper", 3), ("gateway-2", 5)}
    assert [one.labels for one in families["nexus_lag"]] == [{"of": 'a"\\\n', "part": "shipper"}]
    assert {one.labels["part"] for one in families["nexus_waits"]} == {"shipper"}
    assert "nexus_lag_total" not in page


def published_page(parts: list[tuple[str, Published]]) -> str:
    from prometheus_client import generate_latest

    return generate_latest(MergedCollector(parts)).decode()


async def test_a_part_is_kept_fresh_and_takes_its_file_along_when_it_stops_in_good_order(tmp_path: Path) -> None:
    count = 0

    def say() -> Published:
        nonlocal count
        count += 1
        return Published()

    async with publishing(tmp_path, "shipper", say, period_s=0.001):
        await until(lambda: count > 3 and (tmp_path / "shipper.json").exists())
    assert not (tmp_path / "shipper.json").exists()


async def test_a_part_that_breaks_leaves_its_file_to_be_missed(tmp_path: Path) -> None:
    async def break_down() -> None:
        async with publishing(tmp_path, "shipper", Published, period_s=0.001):
            await until((tmp_path / "shipper.json").exists)
            raise OSError("broken")

    with pytest.raises(ExceptionGroup):
        await break_down()
    assert (tmp_path / "shipper.json").exists()


async def test_a_file_that_a_successor_has_written_stays(tmp_path: Path) -> None:
    async with publishing(tmp_path, "gateway", lambda: None, period_s=0.001):
        write(tmp_path, "gateway", Published(pid=1))
    assert read(tmp_path, time.time())["gateway"].published.pid == 1


async def test_without_a_folder_nothing_is_said() -> None:
    async with publishing(None, "shipper", lambda: pytest.fail("nobody listens")):
        await asyncio.sleep(0)


def test_every_part_tells_its_version_and_its_memory() -> None:
    said = snapshot(published.registry_of_part())
    assert said.total("nexus_build_info") == 1
    assert said.total("process_resident_memory_bytes") > 1_000_000
    assert said.total("process_open_fds") >= 3
