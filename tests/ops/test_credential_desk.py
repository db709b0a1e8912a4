"""The desk of the credential commands: what it takes in, what it shows, and who it waits for."""

import os
import threading
from pathlib import Path

import pytest

from credentials.credential import ApiKeyCredential, OAuthCredential
from credentials.credential_files import CredentialFileError
from domain.errors import SetupError
from ops import credential_desk
from ops.credential_desk import CredentialDesk, opened_desk, read_foreign
from tests.kept_credentials import NAME, by_hand
from tests.key_samples import facts, put


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CredentialDesk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ops.logs.configure", lambda **_: None)  # it would hold for every test after this
    return opened_desk()


def test_a_foreign_file_is_read_whole_and_never_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * 65_536)
    assert read_foreign(file) == b"x" * 65_536
    file.write_bytes(b"x" * 65_537)
    with pytest.raises(SetupError, match="larger than 64 KiB"):
        read_foreign(file)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SetupError, match="is no file"):
        read_foreign(tmp_path / "fifo")


def test_an_expiry_beyond_the_calendar_is_shown_as_its_end(desk: CredentialDesk) -> None:
    desk.put(NAME, OAuthCredential("a", "r", 10**16 - 1), None)
    [row] = desk.rows(desk.looked(None))
    assert row["expires"] == "9999-12-31T23:59:59+00:00"


def test_a_put_waits_for_who_refreshes(desk: CredentialDesk) -> None:
    lock = desk.store.try_lock(NAME)
    assert lock is not None
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(desk.put(NAME, ApiKeyCredential("k"), None)))
    thread.start()
    assert desk.store.load(NAME) is None
    lock.release()
    thread.join(20)
    assert done == [False]
    assert desk.store.load(NAME) is not None


def test_what_is_broken_is_replaced_and_its_successor_dropped(desk: CredentialDesk) -> None:
    by_hand(desk.store, b"broken")
    desk.store.reserve(NAME).close()
    assert desk.put(NAME, ApiKeyCredential("k"), "team")
    kept = desk.store.load(NAME)
    assert kept is not None
    assert kept.credential == ApiKeyCredential("k", "team")
    assert not desk.store.look().pending


def test_a_pending_refresh_is_seen(desk: CredentialDesk) -> None:
    desk.put(NAME, ApiKeyCredential("k"), None)
    desk.store.reserve(NAME).close()
    [one] = desk.looked(None)
    assert one.is_pending
    assert [found.state for found in desk.findings([one], is_whole=False)] == ["valid", "unsaved_refresh"]


def test_a_folder_that_is_open_to_others_is_closed_at_the_start(desk: CredentialDesk) -> None:
    desk.store.folder.chmod(0o755)
    with pytest.raises(CredentialFileError, match="chmod 700"):
        desk.looked(None)
    opened_desk().looked(None)


def test_strangers_are_told_of_the_whole_folder_only(desk: CredentialDesk) -> None:
    (desk.store.folder / "x.txt").touch()
    assert [one.domain for one in desk.findings([], is_whole=True)] == ["x.txt"]
    assert desk.findings([], is_whole=False) == []
    assert credential_desk.opened_desk().store.strangers() == ["x.txt"]


def test_a_key_of_another_account_is_pointed_out(desk: CredentialDesk, tmp_path: Path) -> None:
    desk.put(NAME, ApiKeyCredential("k"), "acme")
    put(tmp_path / "home" / "keys", facts(1, "ci", client_domain=NAME, account="stranger"))
    states = [found.state for found in desk.findings(desk.looked(None), is_whole=True)]
    assert states == ["valid", "another_account"]
