"""How does an access token get its successor? One refresh at a time, over requests and processes, and none is lost.

Requests of one process share one flight. Processes share the lock of the file: whoever gets it reads the file again and
takes what another has fetched meanwhile. A successor that the disk does not take is used from memory and saved as soon
as it can be; until then the lock is kept, so that nobody else spends the old refresh token a second time.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol

import structlog

from credentials.credential import LoginNeeded, OAuthCredential
from credentials.credential_files import CredentialFileError, Lock, Reservation
from credentials.credential_store import CredentialStore
from credentials.freshness import Failure, Freshness, failed, freshness, seconds_left
from credentials.oauth import Answer, Refused, Tokens, Unavailable, lifetime_s, refreshed
from credentials.signature import CredentialUnusableError

PATIENCE_S = 15.0
"""A request waits no longer."""
_LOCK_LOOK_S = 0.05
_SAVE_AGAIN_S = 1.0
_LOG = structlog.get_logger("nexus.credentials")


class AsksForTokens(Protocol):
    """An authorization server."""

    async def refresh(self, refresh_token: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time it is, and how much has passed."""

    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Flight:
    """A refresh that is going on."""

    since: float
    done: "asyncio.Future[OAuthCredential]" = field(repr=False)


@dataclass(slots=True)
class _Unsaved:
    """A successor that is only in memory."""

    credential: OAuthCredential
    spent: str = field(repr=False)
    lock: Lock


@dataclass(frozen=True, slots=True)
class _Life:
    """How long a token lasts by the clock that nobody sets."""

    access_token: str = field(repr=False)
    until: float


class Refresher:
    """Refreshes the OAuth credentials of a store."""

    def __init__(
        self, store: CredentialStore, server: AsksForTokens, tasks: asyncio.TaskGroup, clocks: Clocks | None = None
    ) -> None:
        self._store, self._server, self._tasks = store, server, tasks
        self._clocks = clocks or Clocks()
        self._flights: dict[str, _Flight] = {}
        self._failures: dict[str, Failure] = {}
        self._unsaved: dict[str, _Unsaved] = {}
        self._lives: dict[str, _Life] = {}
        self._saving = asyncio.Lock()
        self._closing = asyncio.Event()

    def freshness_of(self, domain: str, credential: OAuthCredential) -> Freshness:
        """By the monotonic clock if this process got the token, else by the wall clock."""
        life = self._lives.get(domain)
        if life is not None and life.access_token == credential.access_token:
            return freshness(credential, life.until - self._clocks.monotonic())
        return freshness(credential, seconds_left(credential, self._clocks.wall_ms()))

    def unsaved(self, domain: str) -> OAuthCredential | None:
        """What the file should hold and does not."""
        found = self._unsaved.get(domain)
        return None if found is None else found.credential

    def begin(self, domain: str, credential: OAuthCredential) -> None:
        """In the background, ahead of time."""
        if domain not in self._flights and not self._is_pausing(domain, credential):
            self._start(domain, credential, urgent=False)

    async def renewed(self, domain: str, credential: OAuthCredential) -> OAuthCredential:
        """The successor of one that is spent or refused. Raises CredentialUnusableError after 15 s at the latest."""
        flight = self._flights.get(domain)
        if flight is None:
            if self._is_pausing(domain, credential):
                raise _unavailable(domain, self._failures[domain].why)
            flight = self._start(domain, credential, urgent=True)
        left = flight.since + PATIENCE_S - self._clocks.monotonic()
        try:
            return await asyncio.wait_for(asyncio.shield(flight.done), max(left, 0))
        except TimeoutError:
            raise _unavailable(domain, f"its refresh takes more than {PATIENCE_S:g} s") from None

    async def close(self) -> None:
        """Let what was begun come to its end. Whatever is not saved then is lost with the process."""
        while self._flights:
            await asyncio.wait([flight.done for flight in self._flights.values()])
        self._closing.set()
        for domain in list(self._unsaved):
            if not await self._saved(domain):
                _LOG.error("credential_lost", credential=domain, mend=f"log in again: nexus credentials login {domain}")
                self._unsaved.pop(domain).lock.release()

    def _is_pausing(self, domain: str, credential: OAuthCredential) -> bool:
        failure = self._failures.get(domain)
        return (
            failure is not None
            and failure.refresh_token == credential.refresh_token
            and self._clocks.monotonic() < failure.not_before
        )

    def _start(self, domain: str, credential: OAuthCredential, *, urgent: bool) -> _Flight:
        flight = _Flight(self._clocks.monotonic(), asyncio.get_running_loop().create_future())
        flight.done.add_done_callback(_seen)
        self._flights[domain] = flight
        self._tasks.create_task(self._fly(domain, credential.access_token, flight.done, urgent=urgent))
        return flight

    async def _fly(
        self, domain: str, access_token: str, done: "asyncio.Future[OAuthCredential]", *, urgent: bool
    ) -> None:
        try:
            credential = await self._exchanged(domain, access_token, urgent=urgent)
        except CredentialUnusableError as error:
            done.set_exception(error)
        except CredentialFileError as error:
            _LOG.error("credential_not_refreshed", credential=domain, why=str(error))
            done.set_exception(_unavailable(domain, "its file cannot be used"))
        else:
            done.set_result(credential)
        finally:
            del self._flights[domain]
            done.cancel()

    async def _exchanged(self, domain: str, access_token: str, *, urgent: bool) -> OAuthCredential:
        unsaved = self._unsaved.get(domain)
        if unsaved is not None and unsaved.credential.access_token != access_token:
            return unsaved.credential
        if unsaved is not None and not await self._saved(domain):
            return await self._spend(domain, unsaved.credential, unsaved.lock, urgent=urgent)
        lock = await self._locked(domain)
        try:
            current = await self._current(domain)
            if current.access_token != access_token and self.freshness_of(domain, current) != "expired":
                return current  # another process has been here
            return await self._spend(domain, current, lock, urgent=urgent)
        finally:
            if domain not in self._unsaved:
                lock.release()

    async def _locked(self, domain: str) -> Lock:
        deadline = self._clocks.monotonic() + PATIENCE_S
        while (lock := await asyncio.to_thread(self._store.try_lock, domain)) is None:
            if self._clocks.monotonic() >= deadline:
                raise _unavailable(domain, "another process is refreshing it and does not end")
            await asyncio.sleep(_LOCK_LOOK_S)
        return lock

    async def _current(self, domain: str) -> OAuthCredential:
        kept = await asyncio.to_thread(self._store.recovered, domain)
        if kept is None:
            raise CredentialUnusableError("missing", f"The upstream credential of {domain} was removed.")
        if not isinstance(kept.credential, OAuthCredential):
            raise _unavailable(domain, "it has just become an API key; ask again")
        if kept.credential.login_needed is not None:
            raise login_needed(domain)
        return kept.credential

    async def _spend(self, domain: str, before: OAuthCredential, lock: Lock, *, urgent: bool) -> OAuthCredential:
        if before.refresh_token is None:
            await self._end_login(domain, before, "it has no refresh token")
        room = await self._reserve(domain, urgent=urgent)
        started = self._clocks.monotonic()
        try:
            answer, spent = await self._asked(before)
        except BaseException:
            self._let_go(room, domain)
            raise
        if isinstance(answer, Tokens):
            after = refreshed(before, spent, answer, self._clocks.wall_ms())
            self._failures.pop(domain, None)
            lifetime = lifetime_s(answer)
            if lifetime is not None:
                self._lives[domain] = _Life(after.access_token, started + lifetime)
            await self._keep(domain, after, before, room, lock)
            return after
        await asyncio.to_thread(self._let_go, room, domain)
        if isinstance(answer, Refused) and answer.error == "invalid_grant":
            await self._end_login(domain, before, "the authorization server refuses its refresh token")
        return self._fail(domain, before, answer)

    async def _reserve(self, domain: str, *, urgent: bool) -> Reservation | None:
        try:
            return await asyncio.to_thread(self._store.reserve, domain)
        except CredentialFileError as error:
            if not urgent:
                raise  # the old token is still good; perhaps there is room later
            _LOG.error("no_room_for_refreshed_credential", credential=domain, why=str(error))
            return None

    async def _asked(self, before: OAuthCredential) -> tuple[Answer, str]:
        """The answer, and the refresh token that it was given for: the newest, or once the one before."""
        assert before.refresh_token is not None
        answer = await self._server.refresh(before.refresh_token)
        earlier = before.previous_refresh_token
        if isinstance(answer, Refused) and answer.error == "invalid_grant" and earlier is not None:
            return await self._server.refresh(earlier), earlier
        return answer, before.refresh_token

    async def _keep(
        self, domain: str, after: OAuthCredential, before: OAuthCredential, room: Reservation | None, lock: Lock
    ) -> None:
        """On the disk; in memory while the disk does not take it."""
        unsaved = self._unsaved.get(domain)
        try:
            if room is None:
                await asyncio.to_thread(self._store.save, domain, after)
            else:
                await asyncio.to_thread(self._store.put, room, domain, after)
        except CredentialFileError as error:
            _LOG.error("refreshed_credential_not_saved", credential=domain, why=str(error))
            spent = unsaved.spent if unsaved is not None else before.refresh_token or ""
            self._unsaved[domain] = _Unsaved(after, spent, lock)
            if unsaved is None:
                self._tasks.create_task(self._save_later(domain))
            return
        _LOG.info("credential_refreshed", credential=domain)
        if unsaved is not None:
            self._unsaved.pop(domain).lock.release()

    async def _save_later(self, domain: str) -> None:
        while domain in self._unsaved and not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _SAVE_AGAIN_S)
            if domain in self._unsaved and domain not in self._flights:
                await self._saved(domain)

    async def _saved(self, domain: str) -> bool:
        """Whether what was unsaved is saved now, and its lock released."""
        async with self._saving:
            unsaved = self._unsaved.get(domain)
            if unsaved is None:
                return True
            try:
                await asyncio.to_thread(self._save_if_it_follows, domain, unsaved)
            except CredentialFileError:
                return False
            self._unsaved.pop(domain).lock.release()
            _LOG.info("credential_saved_at_last", credential=domain)
            return True

    def _save_if_it_follows(self, domain: str, unsaved: _Unsaved) -> None:
        """A file that a person removed or replaced meanwhile is not brought back."""
        kept = self._store.load(domain)
        if kept is not None and getattr(kept.credential, "refresh_token", None) == unsaved.spent:
            self._store.save(domain, unsaved.credential)

    def _let_go(self, room: Reservation | None, domain: str) -> None:
        if room is not None:
            self._store.give_up(room, domain)

    def _fail(self, domain: str, before: OAuthCredential, answer: Refused | Unavailable) -> NoReturn:
        if isinstance(answer, Refused):
            why, told = f"the authorization server says {answer.error} (NEXUS_OAUTH_CLIENT_ID?)", None
        else:
            why, told = answer.why, answer.retry_after_s
        now = self._clocks.monotonic()
        self._failures[domain] = failed(self._failures.get(domain), before.refresh_token, why, told, now)
        _LOG.warning("credential_not_refreshed", credential=domain, why=why)
        raise _unavailable(domain, why)

    async def _end_login(self, domain: str, before: OAuthCredential, reason: str) -> NoReturn:
        """Nobody asks again before a person has logged in. A disk that does not take it changes nothing of that."""
        ended = replace(before, login_needed=LoginNeeded(reason, self._clocks.wall_ms()))
        _LOG.error("credential_needs_login", credential=domain, why=reason)
        try:
            await asyncio.to_thread(self._store.save, domain, ended)
        except CredentialFileError as error:
            _LOG.error("login_state_not_saved", credential=domain, why=str(error))
            now = self._clocks.monotonic()
            self._failures[domain] = failed(self._failures.get(domain), before.refresh_token, reason, None, now)
        raise login_needed(domain)


def login_needed(domain: str) -> CredentialUnusableError:
    return CredentialUnusableError(
        "login_needed", f"The login of {domain} has ended; log in again with `nexus credentials login {domain}`."
    )


def _unavailable(domain: str, why: str) -> CredentialUnusableError:
    return CredentialUnusableError(
        "unavailable",
        f"The upstream credential of {domain} cannot be refreshed ({why}); see `nexus credentials check {domain}`.",
    )


def _seen(done: "asyncio.Future[OAuthCredential]") -> None:
    """A refresh ahead of time has nobody who waits for it; its failure was logged."""
    if not done.cancelled():
        done.exception()
