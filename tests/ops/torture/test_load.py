"""The load: many clients, every answer written down, nobody asks after the end."""

from pathlib import Path

from ops.checking.recordings import Recordings, RecordingWriter
from ops.torture.client import Place
from ops.torture.load import Load, loading
from ops.torture.script import digest
from ops.torture.stand_in import standing_in
from tests.waiting import until


async def test_all_ask_at_once_and_all_is_written_down(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    async with standing_in(writer) as upstream:
        place = Place("127.0.0.1", int(upstream.url.rpartition(":")[2]))
        load = Load(place, writer, seed=1, pause_s=0.01)
        async with loading(load, 6):
            await until(lambda: len(load.seen) >= 12, "answers")
        asked = len(load.seen)
        found = Recordings.read(tmp_path)
        assert len(found.clients) == asked == len({saw.body_sha256 for saw in found.clients}) == upstream.requests
        assert all(saw.whole and saw.faithful and not saw.failed for saw in found.clients)
        assert {one.body_sha256: one.answer_sha256 for one in found.upstream} == {
            saw.body_sha256: digest(found.answer(saw)) for saw in found.clients
        }
        assert load.byte_count == sum(saw.size for saw in found.clients)
    writer.close()


async def test_clients_leave_when_they_are_to_and_go_on(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    async with standing_in(writer) as upstream:
        place = Place("127.0.0.1", int(upstream.url.rpartition(":")[2]))
        load = Load(place, writer, seed=2, pause_s=0.01, leaves=True)
        async with loading(load, 6):
            await until(lambda: sum(saw.gone for saw in load.seen) >= 3, "clients that leave")
            await until(lambda: sum(saw.whole for saw in load.seen) >= 3, "clients that stay")
        assert all(saw.faithful and not saw.failed for saw in load.seen)
    writer.close()


async def test_without_a_gateway_they_fail_and_go_on(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    load = Load(Place("127.0.0.1", 1), writer, seed=3)
    async with loading(load, 2):
        await until(lambda: len(load.seen) >= 4, "failures")
    assert all("not connected" in saw.failed for saw in load.seen)
    writer.close()
