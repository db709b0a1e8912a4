"""Keys of the installation: made once, whole or not at all, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.home import Home, prepare
from ops.keys import credentials_key, dashboard_key, dashboard_key_file, fingerprint_key


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def test_a_key_is_kept_and_two_homes_have_two(home: Home, tmp_path: Path) -> None:
    other = prepare(tmp_path / "other")
    assert fingerprint_key(home) == fingerprint_key(home)
    assert fingerprint_key(home) != fingerprint_key(other)
    assert dashboard_key(home) == dashboard_key(home)
    assert dashboard_key(home) != dashboard_key(other)


def test_a_key_is_long_and_its_file_private(home: Home) -> None:
    assert len(fingerprint_key(home)) == 32
    assert len(dashboard_key(home)) >= 43
    for file in home.keys.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert dashboard_key_file(home).read_text().strip() == dashboard_key(home)


def test_who_asks_at_the_same_time_gets_the_same_key(home: Home) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: fingerprint_key(home), range(64)))
    assert len(keys) == 1
    assert [path.name for path in home.keys.iterdir()] == ["fingerprint.key"], "nothing half-made is left"


def test_an_empty_file_is_no_key(home: Home) -> None:
    dashboard_key_file(home).write_text("\n")
    with pytest.raises(SetupError, match=r"dashboard\.key is empty\. Restore it, or remove it"):
        dashboard_key(home)


def test_a_file_that_cannot_be_read_is_one_line(home: Home) -> None:
    dashboard_key_file(home).mkdir()
    with pytest.raises(SetupError, match=r"dashboard\.key cannot be read or made"):
        dashboard_key(home)


def test_a_disk_that_is_full_leaves_nothing_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SetupError, match="No space left"):
        fingerprint_key(home)
    assert list(home.keys.iterdir()) == []


def test_the_key_of_the_credentials_is_made_once_and_private(home: Home) -> None:
    key = credentials_key(home, None)
    assert len(key) == 32
    assert credentials_key(home, None) == key
    assert (home.keys / "credentials.key").stat().st_mode & 0o777 == 0o600


def test_an_operators_own_key_is_used_and_none_is_made(home: Home, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("ab" * 32 + "\n")
    for mode in (0o400, 0o600, 0o440):
        given.chmod(mode)
        assert credentials_key(home, given) == bytes.fromhex("ab" * 32)
    assert not (home.keys / "credentials.key").exists()


@pytest.mark.parametrize("content", ["canary", "", "ab" * 31, "zz" * 32, "ab" * 33])
def test_what_is_no_key_of_credentials_is_refused_without_quoting_it(home: Home, tmp_path: Path, content: str) -> None:
    given = tmp_path / "given"
    given.write_text(content)
    given.chmod(0o600)
    with pytest.raises(SetupError, match="64 hex digits") as caught:
        credentials_key(home, given)
    assert "canary" not in str(caught.value)


def test_a_key_file_that_everybody_reads_or_nobody_finds_is_refused(home: Home, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("ab" * 32)
    given.chmod(0o644)
    with pytest.raises(SetupError, match="may be read by everybody"):
        credentials_key(home, given)
    with pytest.raises(SetupError, match=r"NEXUS_CREDENTIALS_KEY_FILE .* cannot be read"):
        credentials_key(home, tmp_path / "none")
