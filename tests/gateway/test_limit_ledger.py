"""All workers of a host count together; the dead hold nothing open; nobody fills the table, and no disk stops it."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.limit_ledger import PLACES, LimitLedger, identity
from gateway.limits import MINUTE_S, Counts
from tests.waiting import until_sync

ACME = identity("account", "acme")


@dataclass
class Clock:
    now: float = 6000.0

    def __call__(self) -> float:
        return self.now


def test_a_name_is_one_identity_and_a_key_is_no_account() -> None:
    names = [f"{'x' * 40}{number}" for number in range(1000)]
    assert len({identity("key", name) for name in names} | {identity("account", name) for name in names}) == 2000
    assert len(ACME) == 16
    assert identity("key", "\udcff") != identity("key", "\udcfe")


def test_requests_count_for_their_minute_and_the_next_and_streams_while_they_are_open(tmp_path: Path) -> None:
    clock = Clock()
    ledger = LimitLedger(tmp_path, "one", clock)
    with ledger.open(ACME), ledger.open(ACME):
        assert ledger.counts(ACME) == Counts(current=2, streams=2)
    assert ledger.counts(ACME) == Counts(current=2)
    clock.now += MINUTE_S
    with ledger.open(ACME):
        assert ledger.counts(ACME) == Counts(before=2, current=1, streams=1)
    clock.now += MINUTE_S
    assert ledger.counts(ACME) == Counts(before=1)
    clock.now += MINUTE_S
    assert ledger.counts(ACME) == Counts()
    assert ledger.counts(identity("key", "acme")) == Counts()
    assert ledger.second() == clock.now % MINUTE_S
    ledger.close()


def test_without_a_folder_or_without_a_disk_each_worker_counts_alone(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder in (None, blocked):
        one, other = LimitLedger(folder, "one", Clock()), LimitLedger(folder, "other", Clock())
        with one.open(ACME):
            assert one.counts(ACME) == Counts(current=1, streams=1)
            assert other.counts(ACME) == Counts()
        one.close()
        other.close()


def test_a_full_disk_leaves_no_half_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:100]))
    ledger = LimitLedger(tmp_path, "one", Clock())
    with ledger.open(ACME):
        assert ledger.counts(ACME).streams == 1
    assert list(tmp_path.iterdir()) == []
    ledger.close()


def test_the_table_is_the_owners_alone_and_says_no_name(tmp_path: Path) -> None:
    ledger = LimitLedger(tmp_path / "limits", "one", Clock())
    with ledger.open(ACME):
        (file,) = (tmp_path / "limits").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"acme" not in file.read_bytes()
    ledger.close()


def test_when_all_places_are_taken_the_one_unused_longest_makes_room(tmp_path: Path) -> None:
    ledger = LimitLedger(tmp_path, "one", Clock())
    crowd = [identity("key", str(number)) for number in range(PLACES)]
    with ledger.open(crowd[0]):
        for who in crowd[1:]:
            with ledger.open(who):
                pass
        with ledger.open(crowd[1]):
            pass
        with ledger.open(ACME):
            assert ledger.counts(crowd[0]).streams == 1, "what is open stays"
            assert ledger.counts(crowd[1]).current == 2, "what was used again stays"
            assert ledger.counts(crowd[2]) == Counts(), "this one went"
            assert ledger.counts(crowd[3]).current == 1
            assert ledger.counts(ACME) == Counts(current=1, streams=1)
        assert ledger.counts(ACME).streams == 0
    ledger.close()


def test_when_all_places_have_something_open_one_more_goes_uncounted(tmp_path: Path) -> None:
    ledger = LimitLedger(tmp_path, "one", Clock())
    with ExitStack() as stack:
        for number in range(PLACES):
            stack.enter_context(ledger.open(identity("key", str(number))))
        with ledger.open(ACME):
            assert ledger.counts(ACME) == Counts()
    assert all(ledger.counts(identity("key", str(number))).streams == 0 for number in (0, PLACES - 1))
    ledger.close()


@pytest.mark.parametrize("content", [b"", b"short", bytes(200_000)])
def test_strangers_files_are_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stray.limits").write_bytes(content)
    (tmp_path / "link.limits").symlink_to(tmp_path / "stray.limits")
    (tmp_path / "folder.limits").mkdir()
    os.mkfifo(tmp_path / "pipe.limits")
    clock = Clock()
    ledger = LimitLedger(tmp_path, "one", clock)
    for _ in range(3):
        assert ledger.counts(ACME) == Counts()
        clock.now += 4 * MINUTE_S
    assert (tmp_path / "stray.limits").read_bytes() == content
    ledger.close()


def test_the_table_of_a_dead_worker_goes_when_its_minutes_are_over(tmp_path: Path) -> None:
    clock = Clock()
    dead, living = (LimitLedger(tmp_path, name, clock) for name in ("dead", "living"))
    with dead.open(ACME):
        pass
    dead.close()
    assert living.counts(ACME).current == 1
    clock.now += 2 * MINUTE_S
    living.counts(ACME)
    assert (tmp_path / "dead.limits").exists()
    clock.now += MINUTE_S + 1
    assert living.counts(ACME) == Counts()
    assert [path.name for path in tmp_path.iterdir()] == ["living.limits"]
    living.close()


WORKER = """
import sys, time
from pathlib import Path
from gateway.limit_ledger import LimitLedger, identity
ledger = LimitLedger(Path(sys.argv[1]), sys.argv[2], time.monotonic)
held = [ledger.open(identity("account", "acme")) for _ in range(3)]
for one in held:
    one.__enter__()
print("open", flush=True)
for _ in sys.stdin:
    print(ledger.counts(identity("account", "acme")).streams, flush=True)
"""


def worker(folder: Path, name: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", WORKER, str(folder), name]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def streams_seen_by(process: "subprocess.Popen[str]") -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def test_two_processes_see_each_others_streams_until_one_is_killed(tmp_path: Path) -> None:
    one, other = worker(tmp_path, "one"), worker(tmp_path, "other")
    try:
        until_sync(lambda: streams_seen_by(one) == 6, "the other's streams")
        until_sync(lambda: streams_seen_by(other) == 6, "the other's streams")
        other.send_signal(signal.SIGKILL)
        other.wait()
        until_sync(lambda: streams_seen_by(one) == 3, "the end of the dead one's streams")
    finally:
        for process in (one, other):
            process.kill()
            process.communicate()


@dataclass
class Worker:
    ledger: LimitLedger
    opened: list[tuple[bytes, ExitStack]] = field(default_factory=list)


WHO = [identity("key", name) for name in ("a", "b")] + [ACME]


class Workers(RuleBasedStateMachine):
    """Workers come, go and die; what each of them counts is what a plain list of everything says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.workers: list[Worker] = []
        self.started = 0
        self.let_in: Counter[tuple[bytes, int]] = Counter()

    @rule()
    def start(self) -> None:
        self.started += 1
        self.workers.append(Worker(LimitLedger(Path(self.folder.name), f"w{self.started}", self.clock)))

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0), who=st.sampled_from(WHO))
    def let_one_in(self, which: int, who: bytes) -> None:
        worker = self.workers[which % len(self.workers)]
        held = ExitStack()
        held.enter_context(worker.ledger.open(who))
        worker.opened.append((who, held))
        self.let_in[who, int(self.clock.now // MINUTE_S)] += 1

    @precondition(lambda self: any(worker.opened for worker in self.workers))
    @rule(which=st.integers(0))
    def end_one(self, which: int) -> None:
        busy = [worker for worker in self.workers if worker.opened]
        opened = busy[which % len(busy)].opened
        opened.pop(which % len(opened))[1].close()

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0))
    def die(self, which: int) -> None:
        dead = self.workers.pop(which % len(self.workers))
        dead.ledger.close()
        for _, held in dead.opened:
            held.close()  # too late to be counted

    @rule(seconds=st.sampled_from([0.5, 7.0, 31.0, 60.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def everybody_counts_everything(self) -> None:
        self.clock.now += 1.0  # as long as it may take to see who came and who died
        minute = int(self.clock.now // MINUTE_S)
        for worker in self.workers:
            for who in WHO:
                streams = sum(who == opened for one in self.workers for opened, _ in one.opened)
                expected = Counts(self.let_in[who, minute - 1], self.let_in[who, minute], streams)
                assert worker.ledger.counts(who) == expected

    def teardown(self) -> None:
        for worker in self.workers:
            worker.ledger.close()
            for _, held in worker.opened:
                held.close()
        self.folder.cleanup()


Workers.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestWorkers = Workers.TestCase
