"""Whatever recording does, the exchange goes on, and the failure is counted."""

import msgspec
import pytest

from gateway.exchange import Record, RecordPiece
from gateway.frames import Kind, decode_piece
from gateway.headers import HeaderLines, to_facts
from gateway.journal import NullJournal
from gateway.metrics import Metrics
from gateway.recorder import Recorder, RecordingMeans
from gateway.records import EndRecord, HeaderLine

ID = b"i" * 16
LINES: HeaderLines = ((b"accept", b"a"), (b"x-api-key", b"s"))


class Written(NullJournal):
    def __init__(self) -> None:
        self.records: list[tuple[Kind, bytes, bytes]] = []

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        self.records.append((kind, exchange, payload))

    async def sync(self, _: float) -> bool:
        return len(self.records) > 1


class Broken(NullJournal):
    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        raise ZeroDivisionError("sk-secret")

    async def sync(self, _: float) -> bool:
        raise RuntimeError("sk-secret")


def counted(metrics: Metrics, name: str) -> float:
    page = metrics.page().decode().splitlines()
    return float(next(line for line in page if line.startswith(f"{name} ")).split()[1])


async def test_records_and_pieces_reach_the_journal_as_their_bytes() -> None:
    journal = Written()
    recorder = Recorder(RecordingMeans(journal, to_facts(b"k"), Metrics(lambda: 0)), ID)
    recorder.record(RecordPiece(Kind.CHUNK, 7, b"data"))
    assert not await recorder.sync(1)
    recorder.record(Record(Kind.END, EndRecord("client", 4, 3, "why")))
    assert await recorder.sync(1)
    (kind, exchange, payload), (last, _, end) = journal.records
    assert (kind, exchange, decode_piece(payload)) == (Kind.CHUNK, ID, (7, b"data"))
    assert last is Kind.END
    assert msgspec.json.decode(end, type=EndRecord) == EndRecord("client", 4, 3, "why")


def test_facts_keep_harmless_values_only() -> None:
    recorder = Recorder(RecordingMeans(NullJournal(), to_facts(b"k"), Metrics(lambda: 0)), ID)
    kept, secret = recorder.facts(LINES)
    assert kept == HeaderLine("accept", "a")
    assert (secret.name, secret.value) == ("x-api-key", None)


async def test_a_journal_that_breaks_is_counted_and_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    def no_facts(lines: HeaderLines) -> tuple[HeaderLine, ...]:
        raise KeyError("sk-secret")

    metrics = Metrics(lambda: 0)
    recorder = Recorder(RecordingMeans(Broken(), no_facts, metrics), ID)
    recorder.record(RecordPiece(Kind.CHUNK, 0, b"sk-secret"))
    assert not await recorder.sync(1)
    assert recorder.facts(LINES) == ()
    assert counted(metrics, "nexus_swallowed_errors_total") == 3
    assert counted(metrics, "nexus_recording_gaps_total") == 3
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.out + said.err
    assert "sk-secret" not in said.out + said.err
