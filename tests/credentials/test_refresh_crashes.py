"""Real processes: they share one refresh, die at every step of it, meet a full disk; no refresh token is lost."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from credentials.credential_store import CredentialStore
from tests.dying_refresher import refresh
from tests.fake_authorization_server import AuthorizationServer, Running, running
from tests.kept_credentials import KEY, NAME, granted, oauth_of, store_in
from tests.source_tree import ROOT

ROUNDS = 3 if settings().max_examples < 1000 else 100
"""Times that a worker is killed at each step; the profile ``deep`` has time."""


class Workers:
    """Processes on demand."""

    def __init__(self, run: Running) -> None:
        self._run = run
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.dying_refresher"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def run(self, store: CredentialStore, *deaths: int | None, room: int | None = None) -> list[dict[str, Any]]:
        order = {
            "folder": str(store.folder), "name": NAME, "key": KEY.secret.hex(), "url": self._run.token_url,
            "deaths": deaths, "room": room,
        }  # fmt: skip
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def run() -> Iterator[Running]:
    with running(AuthorizationServer(grace=1)) as found:
        yield found


@pytest.fixture(scope="module")
def workers(run: Running) -> Iterator[Workers]:
    made = Workers(run)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path, run: Running) -> CredentialStore:
    run.server.refreshes = run.server.reuses = run.server.most_in_flight = 0
    return store_in(tmp_path)


def newest(run: Running, token: str | None) -> str:
    assert token is not None
    return run.server.refresh_tokens[token].newest


def test_processes_that_find_it_expired_at_once_refresh_it_once(
    store: CredentialStore, workers: Workers, run: Running
) -> None:
    old = granted(run.server)
    store.save(NAME, old)
    done = workers.run(store, *[None] * 6)
    assert [one["status"] for one in done] == [0] * 6
    assert (run.server.refreshes, run.server.most_in_flight, run.server.reuses) == (1, 1, 0)
    assert oauth_of(store).refresh_token == newest(run, old.refresh_token)


def test_a_kill_at_every_step_loses_no_refresh_token(store: CredentialStore, workers: Workers, run: Running) -> None:
    """Only between the server's answer and the first write is it nowhere but in the dead process: then the spent token
    is still in the file, and a server that forgives it once gives another. Nowhere else is the spent one shown again.
    """
    store.save(NAME, granted(run.server))
    [whole] = workers.run(store, None)
    names = whole["steps"]
    answered = names.index("posix_fallocate") + 3  # its room is synced, and so is the folder
    assert names[answered - 2 : answered] == ["fsync", "fsync"]
    written = names.index("write", answered)
    killed = 0
    for step in range(len(names)):
        for _ in range(ROUNDS):
            killed += _killed_at(step, store, workers, run, forgiven=step in range(answered, written + 1))
    assert killed == len(names) * ROUNDS >= 100


def _killed_at(step: int, store: CredentialStore, workers: Workers, run: Running, *, forgiven: bool) -> int:
    old = granted(run.server)
    store.save(NAME, old)
    run.server.reuses = run.server.refreshes = 0
    [dead] = workers.run(store, step)
    assert dead["status"] == -9
    there = oauth_of(store)
    asyncio.run(refresh(store, NAME, run.token_url))
    after = oauth_of(store)
    assert after.refresh_token == newest(run, old.refresh_token), f"killed before step {step}"
    assert not store.look().pending
    assert after.login_needed is None
    assert there.refresh_token in {old.refresh_token, after.refresh_token, after.previous_refresh_token}
    assert forgiven or run.server.reuses == 0, f"killed before step {step}, a spent token was shown"
    return 1


def test_workers_that_die_one_after_the_other_hand_the_token_on(
    store: CredentialStore, workers: Workers, run: Running
) -> None:
    old = granted(run.server)
    store.save(NAME, old)
    done = workers.run(store, 3, 9, 12, 14, None, None)
    assert [one["status"] for one in done[-2:]] == [0, 0]
    assert oauth_of(store).refresh_token == newest(run, old.refresh_token)
    assert run.server.most_in_flight == 1


@pytest.mark.parametrize("room", [0, 200])
def test_a_disk_without_room_does_not_break_the_file(
    store: CredentialStore, workers: Workers, run: Running, room: int
) -> None:
    """The worker has a token in memory, and loses it only because it ends before there is room."""
    old = granted(run.server)
    store.save(NAME, old)
    [one] = workers.run(store, None, room=room)
    assert one["status"] == 0
    assert run.server.refreshes == 1
    assert oauth_of(store) == old
    assert not store.look().pending


def test_room_for_the_reservation_is_room_enough(store: CredentialStore, workers: Workers, run: Running) -> None:
    old = granted(run.server)
    store.save(NAME, old)
    [one] = workers.run(store, None, room=64 * 1024)
    assert one["status"] == 0
    assert oauth_of(store).refresh_token == newest(run, old.refresh_token)
