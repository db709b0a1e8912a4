"""A refresh: one at a time, within its time, and whatever fails, the newest refresh token is not lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from credentials import refreshing
from credentials.credential import ApiKeyCredential, OAuthCredential
from credentials.credential_files import CredentialFileError, Reservation
from credentials.credential_store import CredentialStore
from credentials.oauth import Answer, refresh_request, token_answer
from credentials.signature import CredentialUnusableError
from tests.fake_authorization_server import AuthorizationServer, Fault, Running, running
from tests.kept_credentials import (
    NAME,
    TurnedClocks,
    client_of,
    granted,
    oauth_of,
    refresher_of,
    settings_for,
    store_in,
)
from tests.waiting import until


@dataclass
class Direct:
    """The fake server without a wire between: every refresh waits until it may go on."""

    server: AuthorizationServer
    answers: list[Answer] = field(default_factory=list)
    """Said instead of the server's own."""
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def refresh(self, refresh_token: str) -> Answer:
        self.asked += 1
        await self.may_go.wait()
        if self.answers:
            return self.answers.pop(0)
        return ask(self.server, refresh_token)


def ask(server: AuthorizationServer, refresh_token: str) -> Answer:
    import json

    status, said = server.token(json.loads(refresh_request(settings_for("http://127.0.0.1/"), refresh_token)))
    return token_answer(status, json.dumps(said).encode())


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return store_in(tmp_path)


@pytest.fixture
def run() -> Iterator[Running]:
    with running(AuthorizationServer()) as found:
        yield found


def kept(store: CredentialStore, server: AuthorizationServer, name: str = NAME) -> OAuthCredential:
    credential = granted(server)
    store.save(name, credential)
    return credential


def newest(server: AuthorizationServer) -> str:
    [grant] = {id(grant): grant for grant in server.refresh_tokens.values()}.values()
    return grant.newest


async def test_fifty_expiries_at_once_are_one_refresh(store: CredentialStore, run: Running) -> None:
    credential = kept(store, run.server)
    async with refresher_of(store, client_of(run)) as refresher:
        found = await asyncio.gather(*(refresher.renewed(NAME, credential) for _ in range(50)))
    assert len({one.access_token for one in found}) == 1
    assert (run.server.refreshes, run.server.most_in_flight, run.server.reuses) == (1, 1, 0)
    after = oauth_of(store)
    assert after == found[0]
    assert after.refresh_token == newest(run.server)
    assert after.previous_refresh_token == credential.refresh_token


async def test_workers_that_share_a_home_refresh_once(store: CredentialStore, run: Running) -> None:
    credential = kept(store, run.server)
    other = CredentialStore(store.folder, store.key)
    async with refresher_of(store, client_of(run)) as one, refresher_of(other, client_of(run)) as two:
        found = await asyncio.gather(*(each.renewed(NAME, credential) for each in (one, two) * 10))
    assert len({one.access_token for one in found}) == 1
    assert (run.server.refreshes, run.server.most_in_flight) == (1, 1)


async def test_two_credentials_do_not_wait_for_each_other(store: CredentialStore) -> None:
    server = AuthorizationServer()
    one, two = kept(store, server), kept(store, server, "other.example")
    direct = Direct(server)
    async with refresher_of(store, direct) as refresher, asyncio.TaskGroup() as tasks:
        tasks.create_task(refresher.renewed(NAME, one))
        tasks.create_task(refresher.renewed("other.example", two))
        await until(lambda: direct.asked == 2)
        direct.may_go.set()


@pytest.mark.parametrize("fault", ["500", "429", "400", "401", "malformed", "html", "array"])
async def test_a_failure_is_told_and_left_alone_for_a_while(store: CredentialStore, run: Running, fault: Fault) -> None:
    credential = kept(store, run.server)
    turned = TurnedClocks()
    run.server.faults.append(fault)
    async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
        for _ in range(5):
            with pytest.raises(CredentialUnusableError) as caught:
                await refresher.renewed(NAME, credential)
            assert caught.value.why == "unavailable"
        refresher.begin(NAME, credential)
        assert run.server.refreshes == 0
        assert not run.server.faults, "it was asked once, and not again within the pause"
        turned.pass_(6.9)
        if fault == "429":
            with pytest.raises(CredentialUnusableError):
                await refresher.renewed(NAME, credential)
        turned.pass_(0.2)
        assert (await refresher.renewed(NAME, credential)).refresh_token == newest(run.server)
    assert oauth_of(store).refresh_token == newest(run.server)


async def test_a_wrong_label_does_not_cost_the_token(store: CredentialStore, run: Running) -> None:
    run.server.faults.append("labelled_text")
    credential = kept(store, run.server)
    async with refresher_of(store, client_of(run)) as refresher:
        await refresher.renewed(NAME, credential)
    assert oauth_of(store).refresh_token == newest(run.server)


async def test_a_server_that_hangs_is_left_and_asked_again(store: CredentialStore, run: Running) -> None:
    run.server.faults.append("hang")
    credential, turned = kept(store, run.server), TurnedClocks()
    async with refresher_of(store, client_of(run, timeout_s=0.3), turned.clocks()) as refresher:
        with pytest.raises(CredentialUnusableError, match=r"did not answer within 0\.3 s"):
            await refresher.renewed(NAME, credential)
        turned.pass_(2)
        assert (await refresher.renewed(NAME, credential)).refresh_token == newest(run.server)


async def test_no_request_waits_longer_than_it_must(store: CredentialStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the one that began it, and not one that comes when the time is over."""
    monkeypatch.setattr(refreshing, "PATIENCE_S", 0.2)
    server = AuthorizationServer()
    credential, direct = kept(store, server), Direct(server)
    async with refresher_of(store, direct) as refresher:
        for _ in range(2):
            with pytest.raises(CredentialUnusableError, match="takes more than") as caught:
                await refresher.renewed(NAME, credential)
            assert caught.value.why == "unavailable"
        assert direct.asked == 1
        direct.may_go.set()
    assert oauth_of(store).refresh_token == newest(server), "the late answer is kept all the same"


async def test_another_process_that_holds_the_lock_is_not_waited_for_for_ever(
    store: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "PATIENCE_S", 0.2)
    server = AuthorizationServer()
    credential, direct = kept(store, server), Direct(server)
    lock = store.try_lock(NAME)
    assert lock is not None
    async with refresher_of(store, direct) as refresher:
        with pytest.raises(CredentialUnusableError):
            await refresher.renewed(NAME, credential)
    lock.release()
    assert direct.asked == 0


async def test_what_another_process_fetched_is_taken(store: CredentialStore) -> None:
    server = AuthorizationServer()
    stale, direct = kept(store, server), Direct(server)
    fetched = replace(granted(server), expires_at_ms=2**50)
    store.save(NAME, fetched)
    async with refresher_of(store, direct) as refresher:
        assert await refresher.renewed(NAME, stale) == fetched
    assert direct.asked == 0


async def test_a_successor_that_a_crash_left_is_used_and_not_fetched_again(store: CredentialStore) -> None:
    server = AuthorizationServer()
    stale, direct = kept(store, server), Direct(server)
    direct.may_go.set()
    room = store.reserve(NAME)
    async with refresher_of(store, direct) as refresher:
        fetched = replace(granted(server), expires_at_ms=2**50, previous_refresh_token=stale.refresh_token)
        room.fill(store._sealed(NAME, fetched))
        room.close()
        assert await refresher.renewed(NAME, stale) == fetched
    assert (direct.asked, oauth_of(store)) == (0, fetched)


async def test_a_revoked_grant_needs_a_login_and_is_never_asked_for_again(store: CredentialStore, run: Running) -> None:
    credential = kept(store, run.server)
    for grant in run.server.refresh_tokens.values():
        grant.revoked = True
    turned = TurnedClocks()
    async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
        for _ in range(3):
            with pytest.raises(CredentialUnusableError, match=f"nexus credentials login {NAME}") as caught:
                await refresher.renewed(NAME, credential)
            assert caught.value.why == "login_needed"
            turned.pass_(3600)
    assert run.server.refreshes == 1
    ended = oauth_of(store).login_needed
    assert ended is not None
    assert ended.at_ms == 1_800_000_000_000
    assert "refuses its refresh token" in ended.reason


async def test_a_token_without_a_successor_needs_a_login(store: CredentialStore) -> None:
    credential = OAuthCredential("a", None, 1)
    store.save(NAME, credential)
    async with refresher_of(store, Direct(AuthorizationServer())) as refresher:
        with pytest.raises(CredentialUnusableError) as caught:
            await refresher.renewed(NAME, credential)
    assert caught.value.why == "login_needed"
    assert oauth_of(store).login_needed is not None


async def test_the_token_before_is_tried_once_when_the_new_one_is_refused(store: CredentialStore, run: Running) -> None:
    """The server forgot what it said last: it was restored from a backup, say."""
    credential = kept(store, run.server)
    store.save(
        NAME, replace(credential, refresh_token="never-heard-of", previous_refresh_token=credential.refresh_token)
    )
    async with refresher_of(store, client_of(run)) as refresher:
        after = await refresher.renewed(NAME, credential)
    assert run.server.refreshes == 2
    assert after.refresh_token == newest(run.server)
    assert oauth_of(store) == after


async def test_both_refused_is_a_login_and_the_tokens_stay_in_the_file(store: CredentialStore, run: Running) -> None:
    credential = replace(kept(store, run.server), refresh_token="x", previous_refresh_token="y")
    store.save(NAME, credential)
    async with refresher_of(store, client_of(run)) as refresher:
        with pytest.raises(CredentialUnusableError):
            await refresher.renewed(NAME, credential)
    assert run.server.refreshes == 2
    assert replace(oauth_of(store), login_needed=None) == credential


async def test_an_answer_that_was_lost_is_forgiven_with_grace(store: CredentialStore) -> None:
    with running(AuthorizationServer(grace=1)) as run:
        credential, turned = kept(store, run.server), TurnedClocks()
        run.server.faults.append("lost")
        async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
            with pytest.raises(CredentialUnusableError):
                await refresher.renewed(NAME, credential)
            turned.pass_(2)
            after = await refresher.renewed(NAME, credential)
        assert after.refresh_token == newest(run.server)
        assert run.server.reuses == 1


async def test_a_server_that_does_not_rotate_goes_on_with_the_same(store: CredentialStore) -> None:
    with running(AuthorizationServer(rotates=False)) as run:
        credential = kept(store, run.server)
        async with refresher_of(store, client_of(run)) as refresher:
            for _ in range(3):
                credential = await refresher.renewed(NAME, credential)
        assert oauth_of(store).refresh_token == newest(run.server)
        assert oauth_of(store).previous_refresh_token is None


async def test_removed_in_the_meantime_is_missing(store: CredentialStore) -> None:
    server = AuthorizationServer()
    credential = kept(store, server)
    store.remove(NAME)
    async with refresher_of(store, Direct(server)) as refresher:
        with pytest.raises(CredentialUnusableError) as caught:
            await refresher.renewed(NAME, credential)
    assert caught.value.why == "missing"
    assert store.load(NAME) is None


async def test_an_api_key_in_its_place_is_not_refreshed(store: CredentialStore) -> None:
    credential = granted(AuthorizationServer())
    store.save(NAME, ApiKeyCredential("sk"))
    async with refresher_of(store, Direct(AuthorizationServer())) as refresher:
        with pytest.raises(CredentialUnusableError, match="ask again"):
            await refresher.renewed(NAME, credential)


async def test_a_broken_file_is_no_refresh(store: CredentialStore) -> None:
    credential = granted(AuthorizationServer())
    (store.folder / f"{NAME}.credentials.json").write_bytes(b"canary")
    (store.folder / f"{NAME}.credentials.json").chmod(0o600)
    with capture_logs() as logs:
        async with refresher_of(store, Direct(AuthorizationServer())) as refresher:
            with pytest.raises(CredentialUnusableError, match="cannot be used"):
                await refresher.renewed(NAME, credential)
    assert "credential_not_refreshed" in [entry["event"] for entry in logs]
    assert "canary" not in str(logs)


class FullDisk(CredentialStore):
    """No room: for reservations, for writing, or for neither."""

    reserving = saving = putting = True

    def reserve(self, domain: str) -> Reservation:
        if not self.reserving:
            raise CredentialFileError("no room")
        return super().reserve(domain)

    def save(self, domain: str, credential: object) -> None:
        if not self.saving:
            raise CredentialFileError("no room")
        super().save(domain, credential)  # type: ignore[arg-type]  # handed on as it came

    def put(self, reservation: Reservation, domain: str, credential: object) -> None:
        if not self.putting:
            reservation.close()
            raise CredentialFileError("broken")
        super().put(reservation, domain, credential)  # type: ignore[arg-type]  # handed on as it came


@pytest.fixture
def full(store: CredentialStore) -> FullDisk:
    return FullDisk(store.folder, store.key)


async def test_on_a_full_disk_the_token_is_used_from_memory_and_saved_when_there_is_room(
    full: FullDisk, run: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "_SAVE_AGAIN_S", 0.01)
    credential = kept(full, run.server)
    full.reserving = full.saving = False
    with capture_logs() as logs:
        async with refresher_of(full, client_of(run)) as refresher:
            after = await refresher.renewed(NAME, credential)
            assert refresher.unsaved(NAME) == after
            assert oauth_of(full) == credential
            assert full.try_lock(NAME) is None, "nobody else may spend the old token"
            assert await refresher.renewed(NAME, credential) == after, "the same again, from memory"
            again = await refresher.renewed(NAME, after)
            assert run.server.reuses == 0
            full.reserving = full.saving = True
            await until(lambda: refresher.unsaved(NAME) is None)
            assert oauth_of(full) == again
            assert again.refresh_token == newest(run.server)
            lock = full.try_lock(NAME)
            assert lock is not None
            lock.release()
    events = [(entry["event"], entry["log_level"]) for entry in logs]
    assert ("refreshed_credential_not_saved", "error") in events
    assert ("credential_saved_at_last", "info") in events


async def test_when_reserved_room_cannot_be_written_the_token_is_not_lost(full: FullDisk, run: Running) -> None:
    credential = kept(full, run.server)
    full.putting = False
    async with refresher_of(full, client_of(run)) as refresher:
        await refresher.renewed(NAME, credential)
        assert refresher.unsaved(NAME) is not None
    assert oauth_of(full).refresh_token == newest(run.server), "saved at the latest when the worker ends"


async def test_a_worker_that_ends_with_an_unsaved_token_says_so(full: FullDisk, run: Running) -> None:
    credential = kept(full, run.server)
    full.reserving = full.saving = False
    with capture_logs() as logs:
        async with refresher_of(full, client_of(run)) as refresher:
            await refresher.renewed(NAME, credential)
    assert [entry["credential"] for entry in logs if entry["event"] == "credential_lost"] == [NAME]
    assert full.try_lock(NAME) is not None


async def test_ahead_of_time_a_full_disk_is_not_risked(full: FullDisk, run: Running) -> None:
    credential = kept(full, run.server)
    full.reserving = False
    async with refresher_of(full, client_of(run)) as refresher:
        refresher.begin(NAME, credential)
    assert run.server.refreshes == 0
    assert oauth_of(full) == credential


async def test_an_unsaved_token_does_not_overwrite_a_new_login(full: FullDisk, run: Running) -> None:
    credential = kept(full, run.server)
    full.reserving = full.saving = False
    login = granted(run.server)
    async with refresher_of(full, client_of(run)) as refresher:
        await refresher.renewed(NAME, credential)
        full.reserving = full.saving = True
        full.save(NAME, login)
    assert oauth_of(full) == login


async def test_an_unsaved_token_does_not_bring_back_what_was_removed(full: FullDisk, run: Running) -> None:
    credential = kept(full, run.server)
    full.reserving = full.saving = False
    async with refresher_of(full, client_of(run)) as refresher:
        await refresher.renewed(NAME, credential)
        full.reserving = full.saving = True
        full.remove(NAME)
    assert full.load(NAME) is None


async def test_a_login_that_ended_is_known_though_the_disk_is_full(full: FullDisk, run: Running) -> None:
    credential = replace(kept(full, run.server), refresh_token="x")
    full.save(NAME, credential)
    full.saving = False
    async with refresher_of(full, client_of(run), TurnedClocks().clocks()) as refresher:
        for _ in range(3):
            with pytest.raises(CredentialUnusableError):
                await refresher.renewed(NAME, credential)
    assert run.server.refreshes == 1


@pytest.mark.parametrize("lifetime", [0, -100, 5, "soon", None])
async def test_an_expiry_that_is_past_at_once_does_not_loop(store: CredentialStore, lifetime: object) -> None:
    with running(AuthorizationServer(lifetime_s=lifetime)) as run:
        credential, turned = kept(store, run.server), TurnedClocks()
        async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
            after = await refresher.renewed(NAME, credential)
            assert refresher.freshness_of(NAME, after) == "fresh"
            turned.pass_(20)
            assert refresher.freshness_of(NAME, after) == "fresh"
        async with refresher_of(store, client_of(run), turned.clocks()) as another_process:
            assert another_process.freshness_of(NAME, oauth_of(store)) == "fresh"


async def test_a_wall_clock_that_jumps_does_not_matter_to_who_got_the_token(
    store: CredentialStore, run: Running
) -> None:
    credential, turned = kept(store, run.server), TurnedClocks()
    async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
        after = await refresher.renewed(NAME, credential)
        turned.wall_s += 10**7
        assert refresher.freshness_of(NAME, after) == "fresh"
        turned.wall_s -= 10**8
        turned.mono_s += 3595
        assert refresher.freshness_of(NAME, after) == "expired"


async def test_no_secret_is_logged_or_said(store: CredentialStore, run: Running) -> None:
    credential = kept(store, run.server)
    run.server.faults.extend(["500", "malformed"])
    turned, said = TurnedClocks(), []
    with capture_logs() as logs:
        async with refresher_of(store, client_of(run), turned.clocks()) as refresher:
            for _ in range(3):
                try:
                    await refresher.renewed(NAME, credential)
                except CredentialUnusableError as error:
                    said.append(repr(error) + str(error))
                turned.pass_(100)
    assert len(said) == 2
    text = str(logs) + "".join(said)
    for secret in (*run.server.access_tokens, *run.server.refresh_tokens):
        assert secret not in text
