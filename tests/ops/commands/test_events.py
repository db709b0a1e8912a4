"""``nexus events``: prints a stream, gives back request and answer byte for byte, and says what is missing."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from domain.errors import NexusError, SetupError
from ops.commands import events
from ops.db.pool import Pool
from schemas.stored.events import ChunkStreamed, RecordingGap
from tests import captures
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.recorded import RecordedExchange, append_all, recorded, request_ids

CAPTURED = captures.exchanges("c_tools")[0]


@dataclass(frozen=True)
class Recorded:
    """A database with one exchange, and a way to run the commands on it."""

    request_id: UUID

    def run(self, *words: str) -> bytes:
        done = CliRunner().invoke(events.app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout_bytes


@pytest.fixture
def prepared(
    runner_pool: PoolRunner, migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Recorded:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    request_id = request_ids([CAPTURED])[CAPTURED.n]

    async def fill(pool: Pool) -> None:
        store = Store.over(pool)
        await append_all(store.ship, [await recorded(CAPTURED, request_id, store.ship)])

    runner_pool.run(fill)
    return Recorded(request_id)


def test_show_prints_the_stream_in_order(prepared: Recorded) -> None:
    lines = prepared.run("show", str(prepared.request_id)).decode().splitlines()
    topics = ["request-received", "response-started", "chunk-streamed", "response-completed"]
    assert [topic for topic, line in zip(topics, lines, strict=True) if topic in line] == topics


def test_show_as_json_gives_every_fact(prepared: Recorded) -> None:
    lines = [json.loads(line) for line in prepared.run("show", "--json", str(prepared.request_id)).splitlines()]
    assert [line["position"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["target"] == CAPTURED.path
    assert lines[3]["sha256"] == hashlib.sha256(CAPTURED.answer).hexdigest()


def test_replay_and_body_give_the_bytes_back(prepared: Recorded, tmp_path: Path) -> None:
    one = str(prepared.request_id)
    assert prepared.run("replay", one) == CAPTURED.answer
    assert prepared.run("body", one) == CAPTURED.body
    prepared.run("replay", one, "--output", str(tmp_path / "answer"))
    prepared.run("body", one, "-o", str(tmp_path / "body"))
    assert (tmp_path / "answer").read_bytes() == CAPTURED.answer
    assert (tmp_path / "body").read_bytes() == CAPTURED.body


def test_replay_keeps_the_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks go out when as much time has passed as then; a moment that has passed already is not waited for."""
    place = {"originator_id": UUID(int=1), "originator_version": 3, "timestamp": CAPTURED.at}
    run = ChunkStreamed.model_validate(
        {**place, "offset": 0, "lengths": (1, 2, 3), "arrivals_us": (5_000_000, 5_250_000, 6_000_000)}
    )
    now, written = 100.0, list[tuple[float, bytes]]()

    class File:
        def write(self, data: bytes) -> None:
            written.append((now, data))

        def flush(self) -> None:
            return

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("ops.commands.events.time.monotonic", lambda: now)
    events._play([run], b"abbccc", File(), sleep)  # type: ignore[arg-type]  # all of a file that is used
    assert written == [(100.0, b"a"), (100.25, b"bb"), (101.0, b"ccc")]
    written.clear()
    events._play([run], b"abbccc", File(), None)  # type: ignore[arg-type]  # all of a file that is used
    assert [at for at, _ in written] == [101.0] * 3


def test_missing_bytes_are_said(runner_pool: PoolRunner, prepared: Recorded) -> None:
    other = replace(CAPTURED, n=2)

    async def fill(pool: Pool) -> None:
        store = Store.over(pool)
        whole = await recorded(other, UUID(int=2), store.ship)
        place = {"originator_id": UUID(int=2), "originator_version": 4, "timestamp": CAPTURED.at}
        gap = RecordingGap.model_validate(
            {**place, "part": "response", "reason": "disk full", "offset": 9, "byte_count": 5}
        )
        bodiless = whole.events[0].model_copy(update={"body": None})
        cut = RecordedExchange(UUID(int=2), (bodiless, *whole.events[1:3], gap), None, whole.run)
        await append_all(store.ship, [cut])

    runner_pool.run(fill)
    with pytest.raises(NexusError, match="5 bytes"):
        prepared.run("replay", str(UUID(int=2)))
    with pytest.raises(NexusError, match="could not be recorded"):
        prepared.run("body", str(UUID(int=2)))


def test_unknown_and_malformed_ids_get_one_clear_line(prepared: Recorded, tmp_path: Path) -> None:
    with pytest.raises(NexusError, match="Nothing is recorded"):
        prepared.run("show", str(UUID(int=99)))
    with pytest.raises(SetupError, match="no request id"):
        prepared.run("show", "nonsense")
    with pytest.raises(SetupError, match="--output"):
        prepared.run("replay", str(prepared.request_id), "-o", str(tmp_path / "missing" / "file"))
