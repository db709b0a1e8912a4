"""Any order of refreshes, faults, crashes, logins and removals on two workers: no token is lost or spent twice."""

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from credentials.credential import OAuthCredential
from credentials.credential_files import CredentialFileError
from credentials.credential_store import CredentialStore
from credentials.oauth import Answer, Tokens, Unavailable, refreshed
from credentials.refreshing import Refresher
from credentials.signature import CredentialUnusableError
from tests.credentials.test_refreshing import ask
from tests.fake_authorization_server import AuthorizationServer
from tests.kept_credentials import NAME, TurnedClocks, granted, oauth_of, refresher_of, store_in

WORKERS = st.integers(0, 1)


class Disk(CredentialStore):
    """May be full."""

    is_full = False

    def reserve(self, domain: str) -> Any:
        self._try()
        return super().reserve(domain)

    def save(self, domain: str, credential: Any) -> None:
        self._try()
        super().save(domain, credential)

    def _try(self) -> None:
        if self.is_full:
            raise CredentialFileError("full")


class Line:
    """The way to the server, which may be cut."""

    is_cut = False

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server

    async def refresh(self, refresh_token: str) -> Answer:
        await asyncio.sleep(0)
        return Unavailable("cut") if self.is_cut else ask(self.server, refresh_token)


class Worker:
    """A process of the gateway, as far as it refreshes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: Disk, line: Line, turned: TurnedClocks) -> None:
        self._loop, self.store, self._end = loop, store, asyncio.Event()
        started: asyncio.Future[Refresher] = loop.create_future()

        async def live() -> None:
            async with refresher_of(store, line, turned.clocks()) as refresher:
                started.set_result(refresher)
                await self._end.wait()

        self._life = loop.create_task(live())
        self.refresher = loop.run_until_complete(started)

    def stop(self) -> None:
        self._end.set()
        self._loop.run_until_complete(self._life)


class Machine(RuleBasedStateMachine):
    """The model knows of the newest login: is its file there, was its grant revoked, was a token given up."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nexus-machine-"))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("credentials.refreshing._SAVE_AGAIN_S", 0.001)
        self.loop, self.turned, self.server = asyncio.new_event_loop(), TurnedClocks(), AuthorizationServer()
        self.line, self.plain = Line(self.server), store_in(self.folder)
        self.workers = [self._worker(), self._worker()]
        self.log_in()

    def _worker(self) -> Worker:
        return Worker(self.loop, Disk(self.plain.folder, self.plain.key), self.line, self.turned)

    def _unsaved(self) -> OAuthCredential | None:
        found = [worker.refresher.unsaved(NAME) for worker in self.workers]
        return next(filter(None, found), None)

    @rule()
    def log_in(self) -> None:
        lock = self.plain.try_lock(NAME)
        if lock is not None:  # else the command says that it is busy
            self.login = granted(self.server)
            self.plain.save(NAME, self.login)
            self.plain.drop_successor(NAME)
            lock.release()
            self.is_there, self.revoked = True, False

    @rule()
    def remove_by_hand(self) -> None:
        """Nobody asks for the lock who calls `rm`."""
        (self.plain.folder / f"{NAME}.credentials.json").unlink(missing_ok=True)
        self.is_there = False

    @rule(worker=WORKERS, is_cut=st.booleans())
    def refresh(self, worker: int, is_cut: bool) -> None:
        self._refresh([worker], is_cut=is_cut)

    @rule()
    def refresh_in_both_at_once(self) -> None:
        if self._unsaved() is None:
            self._refresh([0, 0, 1, 1], is_cut=False)

    def _refresh(self, workers: list[int], *, is_cut: bool) -> None:
        if not self.is_there:
            return
        self.line.is_cut = is_cut

        async def one(worker: Worker) -> None:
            known = worker.refresher.unsaved(NAME) or oauth_of(self.plain)
            with suppress(CredentialUnusableError):
                if self._unsaved() is None or worker.refresher.unsaved(NAME):  # else it would wait for the lock
                    await worker.refresher.renewed(NAME, known)

        async def all_of_them() -> None:
            await asyncio.gather(*(one(self.workers[number]) for number in workers))

        self.loop.run_until_complete(all_of_them())
        self.line.is_cut = False

    @rule(seconds=st.sampled_from([1, 70, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.turned.pass_(seconds)

    @rule(jump=st.sampled_from([-86_400, 86_400]))
    def wall_clock_jumps(self, jump: int) -> None:
        self.turned.wall_s += jump

    @rule(worker=WORKERS, is_full=st.booleans())
    def disk_fills(self, worker: int, is_full: bool) -> None:
        self.workers[worker].store.is_full = is_full

    @rule(worker=WORKERS)
    def restart(self, worker: int) -> None:
        """In order, with room on the disk: whatever was unsaved is saved."""
        self.workers[worker].store.is_full = False
        self.workers[worker].stop()
        self.workers[worker] = self._worker()

    @rule()
    def revoke(self) -> None:
        self.server.refresh_tokens[self.login.refresh_token or ""].revoked = True
        self.revoked = True

    @precondition(lambda self: self.is_there and not self.revoked and self._unsaved() is None)
    @rule(room=st.sampled_from([0, 1000, 60_000]))
    def crash_before_the_rename(self, room: int) -> None:
        """Another process got an answer, wrote it, and died."""
        before = oauth_of(self.plain)
        if before.login_needed or self.plain.look().pending:
            return
        answer = ask(self.server, before.refresh_token or "")
        assert isinstance(answer, Tokens)
        after = refreshed(before, before.refresh_token or "", answer, int(self.turned.wall_s * 1000))
        reservation = self.plain.reserve(NAME)
        reservation.fill(self.plain._sealed(NAME, after))
        reservation.close()

    @precondition(lambda self: self.is_there and not self.revoked and self._unsaved() is None)
    @rule(worker=WORKERS, room=st.sampled_from([0, 1000]))
    def crash_before_the_rename_and_go_on(self, worker: int, room: int) -> None:
        self.crash_before_the_rename(room)
        self.turned.pass_(4000)
        self._refresh([worker], is_cut=False)

    @invariant()
    def the_newest_token_is_kept(self) -> None:
        if not getattr(self, "is_there", False) or self.revoked:
            return
        held = {oauth_of(self.plain).refresh_token}
        unsaved = self._unsaved()
        if unsaved is not None:
            held.add(unsaved.refresh_token)
        elif self.plain.look().pending:
            held.add(self._pending())
        assert self.server.refresh_tokens[self.login.refresh_token or ""].newest in held

    def _pending(self) -> str | None:
        from credentials.credential import decoded
        from credentials.credential_files import opened
        from credentials.sealing import unsealed

        with opened(self.plain.folder) as folder:
            assert folder is not None
            data = folder.read_pending(NAME)
        assert data
        found = decoded(unsealed(data, NAME, self.plain.key))
        assert isinstance(found, OAuthCredential)
        return found.refresh_token

    @invariant()
    def no_spent_token_was_shown(self) -> None:
        assert not hasattr(self, "server") or self.server.reuses == 0 or self.revoked_once

    @property
    def revoked_once(self) -> bool:
        """When the newest token is refused, the one before is tried once: that is no accident."""
        return any(grant.revoked for grant in self.server.refresh_tokens.values())

    @invariant()
    def a_login_ends_only_when_it_was_revoked(self) -> None:
        if getattr(self, "is_there", False) and not self.revoked:
            assert oauth_of(self.plain).login_needed is None

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for worker in self.workers:
                worker.stop()
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)
            self.patch.undo()


TestRefreshMachine = Machine.TestCase
TestRefreshMachine.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
