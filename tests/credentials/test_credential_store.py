"""What is kept is sealed; a successor takes its predecessor's place, whatever a crash left in the middle."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from credentials.credential import ApiKeyCredential, Credential, OAuthCredential, encoded
from credentials.credential_files import MAX_BYTES, CredentialFileError
from credentials.credential_store import CredentialBusyError, CredentialStore, Kept
from credentials.sealing import SealKey, is_sealed, sealed
from tests.kept_credentials import KEY, NAME, api_key, by_hand, store_in
from tests.waiting import until_sync

OLD = OAuthCredential("a-old", "r-old", 5, previous_refresh_token="r-older")
NEW = replace(OLD, access_token="a-new", refresh_token="r-new", previous_refresh_token="r-old")


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return store_in(tmp_path)


def pending_of(store: CredentialStore) -> Path:
    return store.folder / f".{NAME}.credentials.json.pending"


def left_behind(store: CredentialStore, credential: Credential, room: int = 0) -> None:
    """What a crash leaves after the answer was written; ``room``: reserved bytes behind it."""
    file = pending_of(store)
    data = sealed(encoded(credential), NAME, KEY)
    file.write_bytes(data.ljust(room, b"\0"))
    file.chmod(0o600)


def test_what_is_saved_is_sealed_and_comes_back(store: CredentialStore) -> None:
    for credential in (ApiKeyCredential("sk-canary", "team"), OLD):
        store.save(NAME, credential)
        assert store.load(NAME) == Kept(credential, is_sealed=True)
        assert b"canary" not in (store.folder / f"{NAME}.credentials.json").read_bytes()


def test_a_plain_file_is_read_and_then_sealed_with_all_its_fields(store: CredentialStore) -> None:
    content = api_key("sk-1", client_api_key="c", slack={"channel": "x"}, accountId="team")
    file = by_hand(store, content)
    assert store.load(NAME) == Kept(
        ApiKeyCredential("sk-1", "team", {"client_api_key": "c", "slack": {"channel": "x"}}), is_sealed=False
    )
    sealed_now = store.recovered(NAME)
    assert sealed_now is not None
    assert sealed_now.is_sealed
    assert is_sealed(file.read_bytes())
    assert json.loads(encoded(sealed_now.credential)) == content


def test_a_broken_file_is_named_and_not_quoted(store: CredentialStore) -> None:
    for content in (b"canary", b"", {"type": "canary"}, {"nexus-sealed": 1, "key": KEY.key_id, "data": "canary"}):
        file = by_hand(store, content)
        with pytest.raises(CredentialFileError) as caught:
            store.load(NAME)
        assert str(file) in str(caught.value)
        assert "canary" not in str(caught.value)


def test_with_another_key_nothing_opens_and_nothing_is_changed(store: CredentialStore) -> None:
    store.save(NAME, OLD)
    left_behind(store, NEW)
    before = {file.name: file.read_bytes() for file in store.folder.iterdir()}
    other = CredentialStore(store.folder, SealKey(b"o" * 32))
    for act in (other.load, other.recovered):
        with pytest.raises(CredentialFileError, match="sealed with another key"):
            act(NAME)
    assert {file.name: file.read_bytes() for file in store.folder.iterdir()} == before
    assert store.load(NAME) == Kept(OLD, is_sealed=True)


@pytest.mark.parametrize("room", [0, MAX_BYTES])
def test_a_whole_successor_is_adopted(store: CredentialStore, room: int) -> None:
    store.save(NAME, OLD)
    left_behind(store, NEW, room)
    assert store.recovered(NAME) == Kept(NEW, is_sealed=True)
    kept = store.load(NAME)
    assert kept is not None
    assert kept.credential == NEW
    assert not pending_of(store).exists()


def test_a_successor_by_the_token_before_is_adopted_too(store: CredentialStore) -> None:
    store.save(NAME, OLD)
    after = replace(NEW, previous_refresh_token="r-older")
    left_behind(store, after)
    assert store.recovered(NAME) == Kept(after, is_sealed=True)


def test_every_cut_of_a_successor_is_dropped(store: CredentialStore) -> None:
    data = sealed(encoded(NEW), NAME, KEY)
    for size in range(0, len(data) - 1, 7):
        store.save(NAME, OLD)
        pending_of(store).write_bytes(data[:size].ljust(MAX_BYTES, b"\0"))
        pending_of(store).chmod(0o600)
        assert store.recovered(NAME) == Kept(OLD, is_sealed=True)
        assert not pending_of(store).exists()


@pytest.mark.parametrize(
    "other",
    [
        ApiKeyCredential("sk"),
        replace(NEW, previous_refresh_token="of-somebody-else"),
        replace(NEW, previous_refresh_token=None),
        replace(NEW, refresh_token="r-old"),
    ],
)
def test_what_does_not_follow_is_dropped(store: CredentialStore, other: Credential) -> None:
    store.save(NAME, OLD)
    left_behind(store, other)
    assert store.recovered(NAME) == Kept(OLD, is_sealed=True)
    assert not pending_of(store).exists()


def test_a_plain_successor_is_nobodys(store: CredentialStore) -> None:
    store.save(NAME, OLD)
    pending_of(store).write_bytes(encoded(NEW))
    pending_of(store).chmod(0o600)
    assert store.recovered(NAME) == Kept(OLD, is_sealed=True)


def test_a_successor_of_what_was_removed_does_not_come_back(store: CredentialStore) -> None:
    left_behind(store, NEW)
    assert store.recovered(NAME) is None
    assert store.load(NAME) is None
    assert not pending_of(store).exists()


def test_a_successor_of_an_api_key_is_dropped(store: CredentialStore) -> None:
    store.save(NAME, ApiKeyCredential("sk"))
    left_behind(store, NEW)
    assert store.recovered(NAME) == Kept(ApiKeyCredential("sk"), is_sealed=True)


def test_reserve_and_put_replace_and_leave_nothing_else(store: CredentialStore) -> None:
    store.save(NAME, OLD)
    store.put(store.reserve(NAME), NAME, NEW)
    assert store.load(NAME) == Kept(NEW, is_sealed=True)
    store.give_up(store.reserve(NAME), NAME)
    assert [file.name for file in store.folder.iterdir()] == [f"{NAME}.credentials.json"]


def test_a_credential_that_would_not_fit_is_refused_before_it_is_written(store: CredentialStore) -> None:
    with pytest.raises(CredentialFileError, match="more than 24 KiB"):
        store.save(NAME, ApiKeyCredential("k", rest={"x": "y" * 30_000}))
    largest = OAuthCredential("a" * 8192, "r" * 8192, previous_refresh_token="p" * 4000, rest={"x": "y" * 3000})
    store.save(NAME, largest)
    assert (store.folder / f"{NAME}.credentials.json").stat().st_size < MAX_BYTES


def test_a_home_without_the_folder_has_none(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "none", KEY)
    assert (store.look().files, store.strangers()) == ({}, [])
    assert (store.load(NAME), store.recovered(NAME), store.remove(NAME)) == (None, None, False)
    with pytest.raises(CredentialFileError, match="is gone"):
        store.save(NAME, OLD)


def test_a_look_opens_no_file(store: CredentialStore) -> None:
    by_hand(store, b"x", mode=0o644)
    left_behind(store, NEW)
    seen = store.look()
    assert set(seen.files) == seen.pending == {NAME}


def test_who_waits_for_the_lock_gets_it_or_gives_up(store: CredentialStore) -> None:
    lock = store.try_lock(NAME)
    assert lock is not None
    with pytest.raises(CredentialBusyError, match="being refreshed"), store.locked(NAME, patience_s=0.05):
        raise AssertionError("it was locked twice")
    got: list[str] = []

    def wait() -> None:
        with store.locked(NAME):
            got.append("it")

    thread = threading.Thread(target=wait)
    thread.start()
    lock.release()
    until_sync(lambda: got, "the lock")
    thread.join()


def test_dropping_a_successor(store: CredentialStore) -> None:
    left_behind(store, NEW)
    store.drop_successor(NAME)
    assert not pending_of(store).exists()
