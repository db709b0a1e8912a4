"""The desk: keys as the store has them, changes that this host knows at once, and what is known without the store."""

from functools import partial
from pathlib import Path

import pytest

from credentials.snapshot_file import SNAPSHOT_NAME
from domain.client_keys import UnknownKeyError
from ops.db import client_keys
from ops.home import prepare
from ops.key_desk import KeyDesk, NotPublishedError, known_here, with_desk
from tests.key_samples import NOON, facts, new_key, put


@pytest.fixture
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


async def issue(desk: KeyDesk) -> None:
    await desk.save(partial(client_keys.issue, new=new_key(), who="ada", at=NOON))


def test_a_change_is_seen_at_the_desk_and_by_this_hosts_gateways(home: Path) -> None:
    async def work(desk: KeyDesk) -> str:
        assert desk.book.keys == {}
        await issue(desk)
        return desk.key("ci").key_id

    assert with_desk("test", work) == new_key().key_id
    assert known_here(prepare(home)) == [facts()]


def test_looking_alone_writes_nothing(home: Path) -> None:
    async def work(desk: KeyDesk) -> None:
        with pytest.raises(UnknownKeyError):
            desk.key("ci")

    with_desk("test", work)
    assert list((home / "keys").iterdir()) == []


def test_a_change_that_is_stored_and_not_published_says_both(home: Path) -> None:
    prepare(home)
    (home / "keys" / SNAPSHOT_NAME).mkdir()

    async def work(desk: KeyDesk) -> str:
        with pytest.raises(NotPublishedError, match="is stored, but gateways here do not know it"):
            await issue(desk)
        return desk.key("ci").key_id

    assert with_desk("test", work) == new_key().key_id


def test_what_is_known_here_needs_no_store(tmp_path: Path) -> None:
    home = prepare(tmp_path)
    assert known_here(home) == []
    path = put(home.keys, facts())
    assert known_here(home) == [facts()]
    path.write_bytes(b"torn")
    assert known_here(home) == []
