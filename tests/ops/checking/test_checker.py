"""What the product itself recorded is found right, also while it moves; each kind of damage is found and named."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.frames import FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, Frame, Kind, encode_piece
from gateway.records import EndRecord, encode
from ops.checking import checker
from ops.checking.recordings import ClientSaw, RecordingWriter, UpstreamSaw
from ops.checking.violations import ADVICE, Violation
from ops.db.checking_queries import Snapshot
from tests.checked import CheckedHome, checked_home, frames_of, scripts
from tests.journals import JOURNAL, JournalOnDisk
from tests.shipping import AT, new_request_id


async def test_what_the_product_made_is_right(tmp_path: Path, migrated_database: str) -> None:
    home = await checked_home(tmp_path, migrated_database)
    told: list[tuple[int, int]] = []
    checked = await home.check(report=lambda done, total: told.append((done, total)))
    assert checked.violations == ()
    counts = checked.counts
    assert (counts.exchanges, counts.open, counts.compared, counts.journals) == (4, 1, 4, 1)
    assert counts.chunk_bytes == sum(len(script.answer) for script in home.scripts)
    assert counts.body_bytes == sum(len(script.body) for script in home.scripts)
    assert told[-1] == (counts.events, counts.events)


@dataclass(frozen=True)
class Damage:
    """What is done to a home, and how the checker is to name it."""

    name: str
    invariant: str
    words: str
    statements: tuple[str, ...] = ()
    journal: Callable[[CheckedHome], object] = lambda _: None


def sql(name: str, invariant: str, words: str, *statements: str) -> Damage:
    return Damage(name, invariant, words, statements)


def on_disk(name: str, invariant: str, words: str, journal: Callable[[CheckedHome], object]) -> Damage:
    return Damage(name, invariant, words, journal=journal)


def append(*frames: Frame) -> Callable[[CheckedHome], None]:
    return lambda home: home.disk.write(frames)


def flip(home: CheckedHome, at: int) -> None:
    """One bit of the journal."""
    path = home.disk.segment(1)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def frame_starts(home: CheckedHome) -> list[int]:
    at, starts = SEGMENT_HEADER_BYTES, []
    for frame in frames_of(home.scripts):
        starts.append(at)
        at += FRAME_HEADER_BYTES + len(frame.payload)
    return starts


def rewrite(change: Callable[[list[Frame]], list[Frame]]) -> Callable[[CheckedHome], None]:
    """As if the journal had always been so; the store keeps what it has, the cursor stands at the end."""

    def damage(home: CheckedHome) -> None:
        frames = change(frames_of(home.scripts))
        home.disk.segment(1).unlink()
        home.disk.write(frames)
        home.damage(f'UPDATE journals SET "offset" = {home.disk.segment(1).stat().st_size}')

    return damage


def changed(frames: list[Frame], kind: Kind, before: bytes, after: bytes) -> list[Frame]:
    """The first record of that kind says something else."""
    at = next(place for place, frame in enumerate(frames) if frame.kind is kind)
    one = frames[at]
    assert before in one.payload
    return [*frames[:at], Frame(kind, one.exchange, one.time_us, one.payload.replace(before, after)), *frames[at + 1 :]]


def insert_before(frames: list[Frame], kind: Kind, payload: bytes | None = None) -> list[Frame]:
    """Another record of that kind, a microsecond before the first END; None: it says what the END says."""
    at = next(place for place, frame in enumerate(frames) if frame.kind is Kind.END)
    end = frames[at]
    return [*frames[:at], Frame(kind, end.exchange, end.time_us - 1, payload or end.payload), *frames[at:]]


def late(frames: list[Frame], kind: Kind, payload: bytes) -> Frame:
    """One more record of the exchange that is open."""
    return Frame(kind, frames[-3].exchange, frames[-1].time_us, payload)


EVENT = "WHERE originator_id = {0} AND originator_version ="
INSERT = "INSERT INTO nexus_events (originator_id, originator_version, topic, state, notification_id) SELECT "
PLANT = f"{INSERT} originator_id, "
GAP = (
    ', \'recording-gap\', convert_to(\'{{"timestamp":"2026-11-22T09:00:00Z","part":"response","reason":"planted",'
    f'"offset":0,"byte_count":7}}}}\', \'UTF8\'), 900 FROM nexus_events {EVENT} 1'
)
CHANGED = "UPDATE chunks SET codec = 0, data = 'FIRST second ' WHERE request_id = {0} AND \"offset\" = 0"
END = "topic IN ('response-completed', 'response-aborted')"

DAMAGES = [
    sql("a changed byte of an answer", "I3", "another sha256",
        CHANGED),
    sql("the same, seen by the journal", "I5", "bytes 0 to 318 are others",
        CHANGED),
    sql("the bytes of a run are gone", "store", "run at offset 0 are not there",
        'DELETE FROM chunks WHERE request_id = {0} AND "offset" = 0'),
    sql("the same, seen by the journal", "I5", "are not all there",
        'DELETE FROM chunks WHERE request_id = {0} AND "offset" = 0'),
    sql("bytes without an event", "store", "belong to no event",
        "INSERT INTO chunks VALUES ({0}, 5000, 0, NULL, 1, 'x')"),
    sql("bytes without an exchange", "store", "belong to no event",
        f"INSERT INTO chunks VALUES ('{new_request_id()}', 0, 0, NULL, 1, 'x')"),
    sql("a row shorter than it says", "store", "opens to 1 bytes and says 13",
        "UPDATE chunks SET codec = 0, data = 'x' WHERE request_id = {0} AND \"offset\" = 0"),
    sql("a row of an unknown codec", "store", "codec 9",
        'UPDATE chunks SET codec = 9 WHERE request_id = {0} AND "offset" = 0'),
    sql("a dropped event", "store", "version 3 stands where version 2 belongs",
        f"DELETE FROM nexus_events {EVENT} 2"),
    sql("a dropped head of the answer", "I7", "without ResponseStarted",
        f"DELETE FROM nexus_events {EVENT} 2"),
    sql("a dropped run, as if it had never been", "I7", "bytes 0 to 13 of the answer are missing and no gap",
        f"DELETE FROM nexus_events {EVENT} 3",
        'DELETE FROM chunks WHERE request_id = {0} AND "offset" = 0',
        "UPDATE nexus_events SET originator_version = originator_version - 1 "
        "WHERE originator_id = {0} AND originator_version > 3"),
    sql("a dropped request", "I2", "does not begin with RequestReceived",
        f"DELETE FROM nexus_events {EVENT} 1"),
    sql("a dropped exchange", "I5", "the store has nothing of it",
        "DELETE FROM nexus_events WHERE originator_id = {0}", "DELETE FROM chunks WHERE request_id = {0}"),
    sql("a dropped end", "I4", "no terminal event and no journal has it open",
        f"DELETE FROM nexus_events WHERE originator_id = {{0}} AND {END}"),
    sql("a dropped end, seen by the journal", "I4", "the journal has its end",
        f"DELETE FROM nexus_events WHERE originator_id = {{2}} AND {END}"),
    sql("a doubled end", "I4", "2 terminal events",
        f"{INSERT} originator_id, originator_version + 1, topic, state, 900 "
        f"FROM nexus_events WHERE originator_id = {{0}} AND {END}"),
    sql("an event behind the end", "I4", "events follow its terminal event",
        PLANT + "6"+ GAP),
    sql("a gap that is none", "I7", "overlaps what came before",
        f"UPDATE nexus_events SET originator_version = 6 {EVENT} 5",
        PLANT + "5"+ GAP),
    sql("the same, seen by the journal", "I7", "the journal has them all",
        f"UPDATE nexus_events SET originator_version = 6 {EVENT} 5",
        PLANT + "5"+ GAP),
    sql("swapped runs", "I7", "bytes 0 to 13",
        f"UPDATE nexus_events SET originator_version = 103 {EVENT} 3",
        f"UPDATE nexus_events SET originator_version = 3 {EVENT} 4",
        f"UPDATE nexus_events SET originator_version = 4 {EVENT} 103"),
    sql("swapped positions", "I5", "not above",
        f"UPDATE nexus_events SET notification_id = 700 {EVENT} 3"),
    sql("a position twice", "I5", "belongs to more than one event",
        f"UPDATE nexus_events SET notification_id = 9 {EVENT} 5"),
    sql("an event of a kind that is none", "store", "version 3 is of a kind this Nexus does not know",
        f"UPDATE nexus_events SET topic = 'nothing' {EVENT} 3"),
    sql("a state that is nothing", "store", "version 3: the bytes are no Zstandard frame",
        f"UPDATE nexus_events SET state = 'nothing' {EVENT} 3"),
    sql("a state without its fields", "store", "version 3: the event is not readable",
        f"UPDATE nexus_events SET state = '{{{{}}}}' {EVENT} 3"),
    sql("a changed end", "I5", "aborted by client with 2 bytes, the journal completed",
        "UPDATE nexus_events SET topic = 'response-aborted', "
        "state = convert_to('{{\"ended_by\":\"client\",\"byte_count\":2,\"delivered\":2}}', 'UTF8') "
        f"WHERE originator_id = {{1}} AND {END}"),
    sql("an altered part", "I2", "other bytes than were received",
        "UPDATE parts SET codec = 0, data = convert_to(repeat('x', raw_length), 'UTF8') "
        "WHERE key = (SELECT key FROM parts ORDER BY raw_length LIMIT 1)"),
    sql("a lost part", "I2", "a part of the body is missing",
        "DELETE FROM parts WHERE key = (SELECT key FROM parts ORDER BY raw_length DESC LIMIT 1)"),
    sql("a part that cannot be opened", "I2", "codec 9 is unknown",
        "UPDATE parts SET codec = 9 WHERE key = (SELECT key FROM parts ORDER BY raw_length DESC LIMIT 1)"),
    sql("the scope is gone", "I2", "its scope is not in the store", "DELETE FROM scopes"),
    sql("another scope key", "I2", "other bytes than were received", "UPDATE scopes SET key = 'another'"),
    sql("a cursor beyond the journal", "I5", "cursor stands beyond its end",
        'UPDATE journals SET "offset" = "offset" + 1'),
    sql("a cursor in a segment that never was", "I5", "cursor stands beyond its end",
        'UPDATE journals SET segment = 7, "offset" = 0'),
    sql("an open exchange that nobody has open", "I4", "no journal has it open",
        "DELETE FROM open_exchanges"),
    sql("an ended exchange among the open ones", "store", "still stands among the open",
        "INSERT INTO open_exchanges SELECT journal_id, {0} FROM open_exchanges"),
    sql("an open exchange that never was", "store", "has no event",
        f"INSERT INTO open_exchanges SELECT journal_id, '{new_request_id()}' FROM open_exchanges"),
    sql("an exchange that its journal does not know", "I5", "has nothing of this exchange",
        f"{INSERT} '{new_request_id()}', 1, topic, state, 900 FROM nexus_events {EVENT} 1"),
    sql("a projection that is ahead", "I6", "says it has read up to position 5000",
        "INSERT INTO nexus_tracking VALUES ('requests', 5000)"),
    on_disk("a changed bit of the journal", "I5", "hold no good record",
            lambda home: flip(home, frame_starts(home)[3] + FRAME_HEADER_BYTES)),
    on_disk("a changed length in the journal", "I5", "hold no good record",
            lambda home: flip(home, frame_starts(home)[2] + 6)),
    on_disk("a journal that is gone with an exchange open in it", "I4", "is not here",
            lambda home: home.disk.directory.rename(home.root / "elsewhere")),
    on_disk("a segment that was deleted too early", "I5", "is gone and was not shipped to its end",
            lambda home: home.disk.segment(1).rename(home.disk.segment(2))),
    on_disk("an end that was never shipped", "I4", "the journal has its end, the store has no terminal",
            rewrite(lambda frames: [*frames, late(frames, Kind.END, encode(EndRecord("client", 9, 9)))])),
    on_disk("a chunk that was never shipped", "I5", "are not all there",
            rewrite(lambda frames: [*frames, late(frames, Kind.CHUNK, encode_piece(9, b"more"))])),
    on_disk("a store with more than the journal", "I5", "the store has 318 bytes of its answer, the journal 313",
            rewrite(lambda frames: [one for one in frames if one.payload[8:] != b"third"])),
    on_disk("two ends", "I4", "has 2 ends of it",
            rewrite(lambda frames: insert_before(frames, Kind.END))),
    on_disk("another request", "I5", "RequestReceived says something else",
            rewrite(lambda frames: changed(frames, Kind.REQUEST, b"POST", b"PUT"))),
    on_disk("another request body", "I5", "request body in the store is another",
            rewrite(lambda frames: changed(frames, Kind.REQUEST_BODY, b"model", b"MODEL"))),
    on_disk("another head of the answer", "I5", "ResponseStarted says something else",
            rewrite(lambda frames: changed(frames, Kind.RESPONSE, b"200", b"201"))),
    on_disk("another end", "I5", "the journal completed with",
            rewrite(lambda frames: changed(frames, Kind.END, b'"received":318', b'"received":319'))),
    on_disk("a gap that is not told", "I7", "gap of 3 bytes at 0 of the response is not told",
            rewrite(lambda frames: insert_before(
                frames, Kind.GAP, b'{"part":"response","reason":"planted","offset":0,"byte_count":3}'))),
    on_disk("a record that cannot be read", "I5", "cannot be read",
            append(Frame(Kind.GAP, new_request_id(), 90_000_000, b"{}"))),
    on_disk("a piece that is none", "I5", "cannot be read",
            append(Frame(Kind.CHUNK, new_request_id(), 90_000_000, b"short"))),
]  # fmt: skip


@pytest.mark.bar(3, 7, 29)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
async def test_the_damage_is_found_and_named(damage: Damage, kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    if damage.statements:
        home.damage(*damage.statements)
    damage.journal(home)
    checked = await home.check()
    told = [f"{one.invariant} {one.detail}" for one in checked.violations]
    assert any(one.startswith(f"{damage.invariant} ") and damage.words in one for one in told), told
    assert {one.invariant for one in checked.violations} <= ADVICE.keys()


def recorded(home: CheckedHome, folder: Path, change: Callable[[ClientSaw], ClientSaw] = lambda saw: saw) -> Path:
    """What the clients and the upstream of this home saw."""
    writer = RecordingWriter(folder)
    for script in home.scripts:
        body, whole = hashlib.sha256(script.body).hexdigest(), script.outcome == "completed"
        saw = ClientSaw(
            request_id=script.request_id, body_sha256=body, body_bytes=len(script.body), status=200, whole=whole,
            gone=not whole, failed="" if whole else "gone", faithful=True, sent_ns=10**18, ended_ns=10**18,
        )  # fmt: skip
        writer.client(change(saw), script.answer)
        writer.upstream(
            UpstreamSaw(
                body_sha256=body, body_bytes=len(script.body), answer_sha256="", answer_bytes=0, ended="whole", at_ns=0
            )
        )
    writer.close()
    return folder


@pytest.mark.bar(1)
async def test_what_clients_and_upstream_saw_is_recorded(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    checked = await home.check(recordings=recorded(home, tmp_path / "seen"))
    assert checked.violations == ()
    assert (checked.counts.clients, checked.counts.upstream) == (4, 4)


async def test_a_byte_that_only_the_client_has_is_found(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    folder = recorded(home, tmp_path / "seen")
    data = bytearray((folder / "answers.bin").read_bytes())
    data[2] ^= 1
    (folder / "answers.bin").write_bytes(data)
    found = (await home.check(recordings=folder)).violations
    assert [(one.invariant, one.request_id) for one in found] == [("I1", home.ids[0])]


async def test_a_whole_answer_that_is_recorded_as_cut_is_found(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    folder = recorded(home, tmp_path / "seen", lambda saw: replace(saw, whole=True, gone=False, failed=""))
    found = (await home.check(recordings=folder)).violations
    assert [(one.invariant, one.request_id) for one in found] == [("I3", home.ids[2]), ("I3", home.ids[3])]


async def test_a_request_that_upstream_saw_and_nobody_recorded(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    folder = recorded(home, tmp_path / "seen")
    home.damage("DELETE FROM nexus_events WHERE originator_id = {1}", "DELETE FROM chunks WHERE request_id = {1}")
    rewrite(lambda frames: [one for one in frames if one.exchange != home.ids[1]])(home)
    found = (await home.check(recordings=folder)).violations
    assert {one.invariant for one in found} == {"I1", "I2", "store"}, "and the seals miss the events"


async def test_what_is_not_shipped_yet_is_in_the_journal(tmp_path: Path, migrated_database: str) -> None:
    """Clients are answered for by the journal alone; it is compared byte by byte all the same."""
    disk, these = JournalOnDisk(tmp_path / "journals"), scripts()
    disk.write(frames_of(these))
    home = CheckedHome(tmp_path / "journals", migrated_database, these, disk)
    folder = recorded(home, tmp_path / "seen")
    for database in (migrated_database, None):
        checked = await home.check(recordings=folder, database=database)
        assert checked.violations == ()
        assert checked.counts.unshipped == 4
    data = bytearray((folder / "answers.bin").read_bytes())
    data[2] ^= 1
    (folder / "answers.bin").write_bytes(data)
    found = (await home.check(recordings=folder, database=None)).violations
    assert [(one.invariant, one.request_id) for one in found] == [("I1", these[0].request_id)]
    disk.die()


async def test_only_what_began_since_is_looked_at(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    home.damage("DELETE FROM chunks")
    folder = recorded(home, tmp_path / "seen")
    later = datetime(2100, 1, 1, tzinfo=UTC)
    checked = await home.check(since=later, recordings=folder)
    assert checked.ok
    assert (checked.counts.exchanges, checked.counts.clients) == (0, 0)
    assert not (await home.check(since=AT)).ok


async def test_another_hosts_journals_may_hold_what_is_open(kept_home: CheckedHome, tmp_path: Path) -> None:
    home = kept_home.restored()
    checked = await home.check(journals=tmp_path / "none", only_host=False)
    assert checked.ok
    assert checked.counts.open == 1
    assert (await home.check(journals=None, only_host=False)).ok
    assert not (await home.check(journals=tmp_path / "none")).ok


async def test_a_dead_journal_that_no_shipper_has_taken_yet_is_no_loss(kept_home: CheckedHome) -> None:
    home = kept_home.restored()
    home.disk.die()
    checked = await home.check()
    assert checked.ok
    assert checked.counts.open == 1


async def test_what_is_right_in_a_later_snapshot_was_never_wrong(
    kept_home: CheckedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a journal is opened, shipped and closed between two readings."""
    home = kept_home.restored()
    home.damage(f"DELETE FROM nexus_events WHERE originator_id = {{0}} AND {END}")
    assert not (await home.check()).ok

    async def mend(_: Snapshot) -> Sequence[Violation]:
        home.restored()
        return []

    monkeypatch.setattr(checker, "STORE_CHECKS", (mend,))
    assert (await home.check()).ok


async def test_a_journal_that_was_kept_is_compared_whole(kept_home: CheckedHome) -> None:
    """As after the restore of a backup: what it has and the store lacks is named."""
    home = kept_home.restored()
    home.disk.die()
    home.disk.directory.rename(home.root / f"kept-{JOURNAL}")
    home.damage("DELETE FROM journals", "DELETE FROM open_exchanges")
    home.damage(
        PLANT + "4, 'response-aborted', convert_to('{{\"ended_by\":\"gateway_crash\",\"byte_count\":9}}', 'UTF8'), "
        "900 FROM nexus_events WHERE originator_id = {3} AND originator_version = 1"
    )
    checked = await home.check()
    assert [one.detail.partition(" (")[0] for one in checked.violations] == [
        "position 900: 1 events behind the last seal"
    ], "planted without a seal, and else all is there"
    assert checked.counts.compared == 4
    home.damage("DELETE FROM nexus_events WHERE originator_id = {0}", "DELETE FROM chunks WHERE request_id = {0}")
    (one,) = [one for one in (await home.check()).violations if one.invariant != "store"]
    assert (one.invariant, one.request_id) == ("I5", home.ids[0])
