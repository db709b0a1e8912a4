"""The folder's files: nothing outside it is ever opened, nothing but a private file is read, nothing is half."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials.credential_files import (
    MAX_BYTES,
    CredentialFileError,
    CredentialFolder,
    checked,
    is_credential_name,
    opened,
)
from gateway.headers import UNKNOWN_DOMAIN, client_domain

NAME = "acme.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    return folder


@contextmanager
def folder_at(path: Path) -> Iterator[CredentialFolder]:
    with opened(path) as folder:
        assert folder is not None
        yield folder


class Watch:
    """What this thread opens, as the interpreter itself tells it."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.seen: list[object] = []
        sys.addaudithook(self._heard)  # stays for the process's life, and then does nothing

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in {"open", "os.rename", "os.remove"} and threading.get_ident() == self.thread:
            self.seen.append(arguments[0])


WATCH = Watch()
NASTY = st.sampled_from(
    [
        "..", "../x", "/etc/passwd", "a/../../b", "x..y", ".", "", "con", "nul", "a.b.", ".a", "a\0b", "a\n",
        "A.Example", "ACME.example", "acme.example:3000", "acme.example\u2024x", "\u0430cme.example",
        "acme\u3002example", "%2e%2e", "..%2f", "~", "~root", "-", "a-", "-a", "a" * 300, "a" * 64, "a..b",
        ("a" * 63 + ".") * 3 + "b" * 40, "localhost", "[::1]", "*", "acme.example ", " acme.example",
        "acme.example/.", "acme.example\\..\\x", "acme.example.lock", ".acme.example",
    ]
)  # fmt: skip
NAMES = NASTY | st.text(max_size=30) | st.from_regex(r"[a-zA-Z0-9._:/\\-]{1,40}", fullmatch=True)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(names=st.lists(NAMES, min_size=20, max_size=20))
def test_ten_thousand_names_open_nothing_outside_the_folder(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "test48"
    if not path.exists():
        path.mkdir(mode=0o700)
        (path / f"{NAME}.credentials.json").touch(0o600)
        (path.parent / "outside.credentials.json").write_bytes(b"outside")
    for name in names:
        open_nothing_outside(path, name)


def open_nothing_outside(path: Path, name: str) -> None:
    WATCH.seen, WATCH.thread = [], threading.get_ident()
    try:
        with opened(path) as folder:
            assert folder is not None
            for use in (folder.read, folder.sight, folder.read_pending, folder.has_pending, folder.drop_pending):
                try:
                    found = use(name)
                except CredentialFileError:
                    continue
                assert not found or name == NAME
    finally:
        WATCH.thread = None
    allowed = {f"{name}.credentials.json", f".{name}.credentials.json.pending"} if is_credential_name(name) else set()
    assert {each for each in WATCH.seen if each != path and str(each) != str(path)} <= allowed
    assert all("/" not in each and ".." not in each for each in allowed)


def test_the_watch_hears_what_is_opened(path: Path) -> None:
    WATCH.seen, WATCH.thread = [], threading.get_ident()
    try:
        with folder_at(path) as folder:
            folder.read(NAME)
    finally:
        WATCH.thread = None
    assert f"{NAME}.credentials.json" in WATCH.seen


@given(NAMES)
def test_a_client_domain_is_what_the_gateway_calls_one(name: str) -> None:
    theirs = client_domain({b"x-nexus-domain": name.encode("utf-8")}) if name.isascii() else UNKNOWN_DOMAIN
    if is_credential_name(name):
        assert theirs == name
    elif theirs == name:
        assert len(name) > 220


def test_a_name_that_is_none_is_refused_everywhere(path: Path) -> None:
    with folder_at(path) as folder:
        for use in (folder.read, folder.remove, folder.reserve, folder.try_lock, checked):
            with pytest.raises(CredentialFileError, match="no client domain"):
                use("../x")
        with pytest.raises(CredentialFileError, match="no client domain"):
            folder.write("A.example", b"")
        with pytest.raises(CredentialFileError, match="no client domain"):
            folder.adopt_pending("a/b", 0)
    assert list(path.iterdir()) == []


def test_what_is_written_is_read_and_private(path: Path) -> None:
    with folder_at(path) as folder:
        folder.write(NAME, b"one")
        folder.write(NAME, b"two")
        assert folder.read(NAME) == b"two"
        assert folder.domains() == [NAME]
    assert [file.stat().st_mode & 0o777 for file in path.iterdir()] == [0o600]


def test_the_longest_name_has_room_for_all_its_files(path: Path) -> None:
    name = ".".join(["a" * 60] * 3 + ["b" * 37])
    assert len(name) == 220
    with folder_at(path) as folder:
        folder.write(name, b"x")
        room = folder.reserve(name)
        room.fill(b"y")
        room.close()
        folder.adopt_pending(name, 1)
        lock = folder.try_lock(name)
        assert lock is not None
        lock.release()
        assert folder.read(name) == b"y"
    assert not is_credential_name(f"{name}c")


def test_strangers_are_named_and_left_alone(path: Path) -> None:
    for name in ("Acme.Example.credentials.json", "notes.txt", ".hidden", "a:1.credentials.json"):
        (path / name).write_text("canary")
    with folder_at(path) as folder:
        assert folder.domains() == []
        assert folder.strangers() == ["Acme.Example.credentials.json", "a:1.credentials.json", "notes.txt"]


def _too_open(file: Path) -> None:
    file.write_text("canary")
    file.chmod(0o644)


def _of_the_group(file: Path) -> None:
    file.write_text("canary")
    file.chmod(0o620)


def _linked(file: Path) -> None:
    target = file.parent.parent / "target"
    target.write_text("canary")
    target.chmod(0o600)
    file.symlink_to(target)


def _dangling(file: Path) -> None:
    file.symlink_to("/nowhere/at/all")


def _fifo(file: Path) -> None:
    os.mkfifo(file, 0o600)


def _socket(file: Path) -> None:
    with chdir(file.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(file.name)  # a whole path may be too long for an address
    file.chmod(0o600)


def _giant(file: Path) -> None:
    with file.open("wb") as made:
        made.truncate(1 << 30)
    file.chmod(0o600)


def _folder(file: Path) -> None:
    file.mkdir(mode=0o700)


def test_a_foreign_owner_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can give a file away, so here it is we who become somebody else."""
    (path / f"{NAME}.credentials.json").touch(0o600)
    with folder_at(path) as folder:
        monkeypatch.setattr("os.geteuid", lambda: 12345)
        with pytest.raises(CredentialFileError, match="another user's; `chown`"):
            folder.read(NAME)
    with pytest.raises(CredentialFileError, match="give it to the user of Nexus"), opened(path):
        raise AssertionError("it was opened")


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_too_open, "chmod 600"),
        (_of_the_group, "chmod 600"),
        (_linked, "is a link"),
        (_dangling, "is a link"),
        (_fifo, "is no file; remove it"),
        (_socket, "cannot be read"),
        (_giant, "larger than 64 KiB"),
        (_folder, "is no file; remove it"),
    ],
)
def test_what_is_no_private_file_is_refused_at_once(path: Path, make: object, complaint: str) -> None:
    assert callable(make)
    file = path / f"{NAME}.credentials.json"
    make(file)
    with folder_at(path) as folder, pytest.raises(CredentialFileError) as caught:
        folder.read(NAME)
    assert complaint in str(caught.value)
    assert file.name in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_file_that_grows_while_it_is_read_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_at(path) as folder:
        folder.write(NAME, b"small")
        monkeypatch.setattr("os.read", lambda _handle, size: b"x" * size)
        with pytest.raises(CredentialFileError, match="larger than 64 KiB"):
            folder.read(NAME)


def test_no_folder_is_no_credentials(tmp_path: Path) -> None:
    with opened(tmp_path / "none") as folder:
        assert folder is None


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o702])
def test_a_folder_that_others_may_enter_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(CredentialFileError, match="chmod 700"), opened(path):
        raise AssertionError("it was opened")


def test_a_link_or_a_file_is_no_folder(tmp_path: Path, path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(path)
    file.touch()
    for wrong in (link, file):
        with pytest.raises(CredentialFileError, match="cannot be opened as a folder"), opened(wrong):
            raise AssertionError("it was opened")


def test_a_reservation_holds_room_and_then_its_content_only(path: Path) -> None:
    with folder_at(path) as folder:
        room = folder.reserve(NAME)
        pending = path / f".{NAME}.credentials.json.pending"
        assert pending.stat().st_blocks * 512 >= MAX_BYTES
        room.fill(b"a successor")
        room.close()
        assert folder.read_pending(NAME) == b"a successor"
        folder.adopt_pending(NAME, len(b"a successor"))
        assert (path / f"{NAME}.credentials.json").read_bytes() == b"a successor"
        assert not folder.has_pending(NAME)


def test_a_link_in_the_place_of_the_reservation_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (path / f".{NAME}.credentials.json.pending").symlink_to(target)
    with folder_at(path) as folder, pytest.raises(CredentialFileError, match="is a link"):
        folder.reserve(NAME)
    assert target.read_text() == "precious"


def test_a_fifo_in_the_place_of_reservation_or_lock_blocks_nobody(path: Path) -> None:
    os.mkfifo(path / f".{NAME}.credentials.json.pending", 0o600)
    with folder_at(path) as folder, pytest.raises(CredentialFileError):
        folder.reserve(NAME)


def test_no_room_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    monkeypatch.setattr("os.write", full)
    with folder_at(path) as folder:
        for act in (lambda: folder.reserve(NAME), lambda: folder.write(NAME, b"x")):
            with pytest.raises(CredentialFileError, match="No space left"):
                act()
    assert list(path.iterdir()) == []


def test_a_lock_is_one_holders(path: Path) -> None:
    with folder_at(path) as folder:
        first = folder.try_lock(NAME)
        assert first is not None
        assert folder.try_lock(NAME) is None
        other = folder.try_lock("other.example")
        assert other is not None
        other.release()
        first.release()
        again = folder.try_lock(NAME)
        assert again is not None
        again.release()


def test_removing_removes_the_successor_too(path: Path) -> None:
    with folder_at(path) as folder:
        folder.write(NAME, b"x")
        folder.reserve(NAME).close()
        assert folder.remove(NAME)
        assert not folder.remove(NAME)
    assert list(path.iterdir()) == []


def test_a_sighting_tells_every_change(path: Path) -> None:
    file = path / f"{NAME}.credentials.json"
    with folder_at(path) as folder:
        assert folder.sight(NAME) is None
        folder.write(NAME, b"one")
        seen = [folder.sight(NAME)]
        file.chmod(0o644)
        seen.append(folder.sight(NAME))
        folder.write(NAME, b"two")
        seen.append(folder.sight(NAME))
    assert len(set(seen)) == 3


def test_descriptors_are_given_back(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        with folder_at(path) as folder:
            folder.write(NAME, b"x")
            folder.reserve(NAME).close()
            lock = folder.try_lock(NAME)
            assert lock is not None
            lock.release()
            (path / "big.credentials.json").touch(0o644)
            with pytest.raises(CredentialFileError):
                folder.read("big")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
