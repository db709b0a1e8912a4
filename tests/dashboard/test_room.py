"""New pages come in while there is room; what is open goes on; a worker that holds too much is started anew."""

import os
import sys
from dataclasses import dataclass, field
from subprocess import PIPE, Popen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dashboard import room as module
from dashboard.room import NEARLY, REST_S, Room, resident_bytes
from ops.log_fields import KNOWN
from tests.running_front import KEY, running_front
from tests.running_front import KNOWN as REQUEST
from tests.waiting import until_true

MOST = 1000
WORKER = 77


@dataclass
class Scene:
    """A front and a worker that hold what the test says."""

    front: int = 100
    worker: int = 100
    pid: int | None = WORKER
    pages: int = 1
    now: float = 0.0
    renewed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.room = Room(MOST, self, lambda: self.now, open_pages=lambda: self.pages, held_by=self.held_by)

    def held_by(self, pid: int) -> int:
        return {os.getpid(): self.front, WORKER: self.worker}[pid]

    def renew(self) -> None:
        self.renewed.append(self.now)

    def look(self, **changes: int | None) -> "Scene":
        for name, value in changes.items():
            setattr(self, name, value)
        self.room.look()
        return self


@pytest.mark.bar(70)
@pytest.mark.parametrize(
    ("front", "worker", "pages", "there", "renewed"),
    [
        (100, 100, 5, True, False),
        (100, 699, 5, True, False),
        (100, 700, 5, False, False),
        (100, 700, 0, False, True),
        (100, 899, 5, False, False),
        (100, 900, 5, False, True),
        (100, 699, 0, True, False),
        (900, 100, 5, False, False),
        (900, 800, 0, False, False),
        (700, 900, 1, False, True),
    ],
)
def test_who_is_let_in_and_when_the_worker_starts_anew(
    *, front: int, worker: int, pages: int, there: bool, renewed: bool
) -> None:
    scene = Scene().look(front=front, worker=worker, pages=pages)
    assert (scene.room.is_there, bool(scene.renewed)) == (there, renewed)


@pytest.mark.bar(70)
def test_a_worker_that_was_started_anew_is_left_alone_for_a_while() -> None:
    scene = Scene()
    for second in range(int(3 * REST_S)):
        scene.now = float(second)
        scene.look(worker=MOST)
    assert scene.renewed == [0.0, REST_S, 2 * REST_S]


def test_where_no_worker_of_ours_runs_the_front_counts_alone() -> None:
    assert Scene(pid=None, worker=MOST).look().room.is_there
    assert not Scene(pid=None, front=MOST).look().room.is_there


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1500), st.integers(0, 3)), max_size=40))
def test_never_is_anybody_let_in_beyond_it(looks: list[tuple[int, int, int]]) -> None:
    scene = Scene()
    for front, worker, pages in looks:
        scene.now += 1.0
        scene.look(front=front, worker=worker, pages=pages)
        assert scene.room.is_there == (front + worker < NEARLY * MOST)
    assert all(later - before >= REST_S for before, later in zip(scene.renewed, scene.renewed[1:], strict=False))


def test_it_is_said_once_each_time() -> None:
    scene = Scene()
    with capture_logs() as logs:
        for worker in (100, 800, 850, 800, 100, 800):
            scene.look(worker=worker)
    assert [one["bytes"] for one in logs] == [900, 900]
    assert {name for one in logs for name in one} <= KNOWN | {"event", "log_level"}


HOLDS = "import sys; held = b'x' * int(sys.argv[1]); print(len(held), flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say")
def test_what_a_process_holds() -> None:
    """Of two that differ in nothing else: one that has run for long gives what it needs from what it has."""
    found = list[int]()
    for size in (0, 40_000_000):
        with Popen([sys.executable, "-c", HOLDS, str(size)], stdin=PIPE, stdout=PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert int(process.stdout.readline()) == size
            found.append(resident_bytes(process.pid))
            process.stdin.close()
    assert 35_000_000 < found[1] - found[0] < 60_000_000


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert resident_bytes(2**30) == 0


@pytest.mark.bar(70)
async def test_in_a_full_dashboard_new_pages_and_recordings_wait_and_all_else_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = 100
    monkeypatch.setattr(module, "resident_bytes", lambda _: held)
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    large = [f"/api/requests/{REQUEST}/{what}" for what in ("body", "response", "events")]
    large += [f"/api/conversations/{REQUEST}/{what}" for what in ("export", "tree")] + [f"/api/compare?a={REQUEST}"]
    async with running_front(memory_bytes=MOST) as front, front.logged_in() as browser, browser.socket() as socket:

        async def ask(path: str) -> int:
            return (await browser.ask(path, headers={"Accept": "text/html"})).status

        async def is_full() -> bool:
            return await ask("/overview") == 503

        assert [await ask(path) for path in ("/overview", *large[:2])] == [200] * 3
        held = MOST
        await until_true(is_full, "the dashboard to be full")
        full = await browser.ask("/requests")
        assert (full.headers["Retry-After"], 'data-reload-s="5"' in full.text) == ("5", True)
        assert "The dashboard is full" in full.text
        assert [await ask(path) for path in large] == [503] * len(large)
        fine = ("/health", "/login?token=x", "/logout", "/alive", "/static/app.js", "/api/health", "/api/requests")
        assert [await ask(path) for path in fine] == [200] * len(fine)
        await socket.send_str("still here")
        assert (await socket.receive()).data == "echo still here"
        assert (await browser.ask("/api/requests", headers={"X-Nexus-Key": KEY})).status == 200
        held = 100

        async def has_room() -> bool:
            return not await is_full()

        await until_true(has_room, "room again")
        assert await ask(large[0]) == 200
