"""``nexus keys``: a key is shown once, told from others, changed and revoked; and what cannot be is said in a line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from credentials import snapshot_file
from credentials.key_text import hash_of, parse
from credentials.key_watch import KeyWatch
from credentials.snapshot_file import SNAPSHOT_NAME
from domain.client_keys import KeyRevokedError, UnknownKeyError
from domain.errors import NexusError, SetupError, StoreUnavailableError
from domain.key_rules import UnfitKeyError
from ops import key_desk
from ops.commands import keys
from ops.db import client_keys
from tests.key_samples import NOON, text_of

AWAY = "postgresql://nobody@127.0.0.1:1/none"


@dataclass(frozen=True)
class Host:
    """A home with a database, and a way to run the commands on it."""

    home: Path
    patch: pytest.MonkeyPatch

    def result(self, *words: str) -> Result:
        return CliRunner().invoke(keys.app, list(words), catch_exceptions=False)

    def run(self, *words: str) -> str:
        done = self.result(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def create(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("create", *words, "--json"))
        return told

    def show(self, key: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("show", key, "--json"))
        return told

    def known(self) -> KeyWatch:
        """What a gateway here would know."""
        return KeyWatch(self.home / "keys")

    def lose_the_database(self) -> None:
        self.patch.setenv("DATABASE_URL", AWAY)


@pytest.fixture
def host(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Host(tmp_path / "home", monkeypatch)


def test_a_key_is_printed_once_and_alone_and_its_hash_is_kept(host: Host) -> None:
    done = host.result("create", "ci", "--domain", "Team-A.example")
    key = parse(done.stdout.removesuffix("\n"))
    assert key is not None, "nothing else is on standard output"
    assert "only time" in done.stderr
    assert "managed mode" in done.stderr
    facts = host.known().current.keys[key.key_id]
    assert facts.secret_hash == hash_of(key.text)
    assert (facts.name, facts.account, facts.client_domain) == ("ci", "team-a.example", "team-a.example")
    assert facts.scopes == {"messages", "count_tokens", "models"}
    everything = b"".join(path.read_bytes() for path in host.home.rglob("*") if path.is_file())
    assert key.text.encode() not in everything
    assert key.text not in host.run("list") + host.run("list", "--json") + host.run("show", "ci")


def test_only_the_first_key_changes_the_mode(host: Host) -> None:
    assert "managed mode" in host.result("create", "one", "--domain", "a.example").stderr
    assert "managed mode" not in host.result("create", "two", "--domain", "a.example").stderr


def test_on_a_terminal_the_settings_for_claude_code_come_with_it(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.patch.setattr("sys.stdout.isatty", lambda: True)
    keys.create("ci", domain="a.example")
    lines = capsys.readouterr().out.splitlines()
    key = parse(lines[0])
    assert key is not None
    snippet = json.loads("\n".join(lines[lines.index("{") : lines.index("}") + 1]))
    assert snippet["env"]["ANTHROPIC_AUTH_TOKEN"] == key.text
    assert snippet["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:3000"


def test_what_is_asked_for_is_what_the_key_gets(host: Host) -> None:
    words = ("--account", "acme", "--scope", "batches", "--scope", "files", "--expires", "90d")
    told = host.create("ci", "--domain", "a.example", *words)
    assert parse(told["key"]) is not None
    shown = host.show("ci")
    assert shown == {name: fact for name, fact in told.items() if name != "key"}
    assert (shown["account"], shown["scopes"], shown["state"]) == ("acme", ["batches", "files"], "active")
    assert host.known().current.keys[told["key_id"]].expires_at is not None


def test_every_change_reaches_gateways_here(host: Host) -> None:
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    host.run("rename", "ci", "farm")
    host.run("scope", "farm", "all", "messages")
    host.run("expire", key_id, "2027-01-31")
    facts = host.known().current.keys[key_id]
    assert (facts.name, sorted(facts.scopes)) == ("farm", ["all", "messages"])
    assert str(facts.expires_at) == "2027-02-01 00:00:00+00:00"
    host.run("expire", key_id, "never")
    assert host.known().current.keys[key_id].expires_at is None
    assert json.loads(host.run("expire", key_id, "now", "--json"))["state"] == "expired"


def test_the_list_tells_every_key_on_a_page_s_width(host: Host) -> None:
    assert "No key was ever issued" in host.run("list")
    host.create("ci", "--domain", "a.example")
    host.create("n" * 100, "--domain", f"{'b' * 60}.example", "--scope", "all", "--expires", "12h")
    host.run("revoke", "ci")
    lines = host.run("list").splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 100
    assert "in 12 hours" in lines[1]
    assert "revoked" in lines[2]
    listed = json.loads(host.run("list", "--json"))
    assert [(key["name"][:2], key["state"]) for key in listed] == [("ci", "revoked"), ("nn", "active")]


def test_a_revoked_key_is_refused_here_and_in_the_store(host: Host) -> None:
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    assert "is revoked" in host.run("revoke", "ci", "--why", "laptop lost")
    assert (host.show(key_id)["state"], host.show(key_id)["why_revoked"]) == ("revoked", "laptop lost")
    assert host.known().current.keys[key_id].revoked_at is not None
    assert (host.home / "keys" / "revoked" / key_id).exists()
    assert host.known().has_keys


def test_revoking_works_while_the_database_is_away_and_again_when_it_is_back(
    host: Host, migrated_database: str
) -> None:
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    host.lose_the_database()
    done = CliRunner().invoke(keys.app, ["revoke", "ci", "--why", "lost", "--json"])
    assert isinstance(done.exception, NexusError)
    assert "The store follows" in str(done.exception)
    assert json.loads(done.stdout) == {"key_id": key_id, "refused_here": True, "stored": False}
    assert "refused on this host already" in done.stderr
    assert host.known().current.keys[key_id].revoked_at is not None
    host.patch.setenv("DATABASE_URL", migrated_database)
    assert host.show(key_id)["state"] == "active"
    told = json.loads(host.run("revoke", key_id, "--json"))
    assert told == {"key_id": key_id, "refused_here": True, "stored": True}
    assert (host.show(key_id)["state"], host.show(key_id)["why_revoked"]) == ("revoked", "lost")


def test_any_other_change_carries_what_was_revoked_meanwhile(host: Host, migrated_database: str) -> None:
    """Where no shipper runs, the next command does."""
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    host.lose_the_database()
    CliRunner().invoke(keys.app, ["revoke", "ci", "--why", "lost"])
    host.patch.setenv("DATABASE_URL", migrated_database)
    host.create("other", "--domain", "a.example")
    assert (host.show(key_id)["state"], host.show(key_id)["why_revoked"]) == ("revoked", "lost")


def test_a_key_that_only_the_store_knows_is_revoked_too(host: Host) -> None:
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    (host.home / "keys" / SNAPSHOT_NAME).unlink()
    host.run("revoke", "ci")
    assert host.known().current.keys[key_id].revoked_at is not None


def test_a_full_disk_does_not_keep_a_key_alive(host: Host) -> None:
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    (host.home / "keys" / "revoked").write_bytes(b"")
    done = host.result("revoke", "ci")
    assert "revoked cannot be made" in done.stderr
    assert done.exit_code == 0
    found = snapshot_file.read(host.home / "keys" / SNAPSHOT_NAME)
    assert found is not None
    assert found.snapshot.keys[key_id].revoked_at is not None


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("create", "ci", "--domain", "b.example"), SetupError),
        (("create", "", "--domain", "b.example"), UnfitKeyError),
        (("create", "x", "--domain", "b.example:3000"), UnfitKeyError),
        (("create", "x", "--domain", "b.example", "--account", "a b"), UnfitKeyError),
        (("create", "x", "--domain", "b.example", "--scope", "admin"), UnfitKeyError),
        (("create", "x", "--domain", "b.example", "--expires", "soon"), SetupError),
        (("create", "x", "--domain", "b.example", "--expires", "2020-01-01"), UnfitKeyError),
        (("rename", "old", "x"), KeyRevokedError),
        (("revoke", "old"), KeyRevokedError),
        (("scope", "ci", "admin"), UnfitKeyError),
        (("expire", "ci", "soon"), SetupError),
        (("show", "ic"), UnknownKeyError),
        (("revoke", "nobody"), UnknownKeyError),
        (("show", text_of(77)), UnknownKeyError),
    ],
)
def test_what_cannot_be_is_said_in_one_line_and_changes_nothing(
    host: Host, words: tuple[str, ...], error: type[Exception]
) -> None:
    host.create("ci", "--domain", "a.example")
    host.create("old", "--domain", "a.example")
    host.run("revoke", "old")
    before = host.run("list", "--json")
    with pytest.raises(error) as raised:
        host.run(*words)
    assert len(str(raised.value).splitlines()) == 1
    assert text_of(77) not in str(raised.value)
    assert host.run("list", "--json") == before


def test_a_name_is_free_again_when_its_key_is_revoked(host: Host) -> None:
    old = host.create("ci", "--domain", "a.example")
    host.run("revoke", "ci")
    new = host.create("ci", "--domain", "a.example")
    assert host.show("ci")["key_id"] == new["key_id"] != old["key_id"]


def test_without_the_database_nothing_else_is_done(host: Host) -> None:
    host.create("ci", "--domain", "a.example")
    host.lose_the_database()
    for words in (["create", "x", "--domain", "a.example"], ["list"], ["rename", "ci", "x"], ["revoke", "nobody"]):
        with pytest.raises(StoreUnavailableError):
            host.run(*words)


def test_every_command_has_an_example(host: Host) -> None:
    names = [command.name or command.callback.__name__ for command in keys.app.registered_commands if command.callback]
    assert sorted(names) == ["create", "expire", "list", "rename", "revoke", "scope", "show"]
    for name in names:
        assert f"Example: nexus keys {name}" in " ".join(host.run(name, "--help").split())


def test_a_file_that_cannot_be_written_is_told_with_what_is_stored(host: Host) -> None:
    host.create("ci", "--domain", "a.example")
    path = host.home / "keys" / SNAPSHOT_NAME
    path.unlink()
    path.mkdir()
    with pytest.raises(key_desk.NotPublishedError, match="is stored, but"):
        host.run("rename", "ci", "farm")
    assert host.show("farm")["name"] == "farm"


def test_a_shipper_that_was_quicker_is_no_failure(host: Host, migrated_database: str) -> None:
    """It carries the tombstone to the store before the command gets there; the file here is not written yet."""
    key_id = host.create("ci", "--domain", "a.example")["key_id"]
    client_keys.revoke(migrated_database, key_id, who="ada", why="", at=NOON)
    assert "is revoked" in host.run("revoke", "ci")
