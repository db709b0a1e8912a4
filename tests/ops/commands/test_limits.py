"""``nexus limits``: what is named is set, what is not stays, and gateways here know it at once."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credentials.key_watch import KeyWatch
from domain.client_keys import KeyRevokedError, UnknownKeyError
from domain.errors import SetupError
from domain.key_rules import UnfitKeyError
from domain.limits import Limits
from ops.commands import keys, limits

OF_ACME = ("set", "--account", "acme")


@dataclass(frozen=True)
class Host:
    """A home with a database and a key called ``ci``."""

    home: Path
    key_id: str

    def run(self, *words: str) -> str:
        done = CliRunner().invoke(limits.app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def told(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("list", "--json"))
        return found

    def known(self) -> KeyWatch:
        return KeyWatch(self.home / "keys")


def on_keys(*words: str) -> str:
    done = CliRunner().invoke(keys.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def host(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    made = json.loads(on_keys("create", "ci", "--domain", "a.example", "--account", "acme", "--json"))
    return Host(tmp_path / "home", made["key_id"])


def test_a_keys_limits_are_set_one_by_one_and_taken_away(host: Host) -> None:
    assert "60 requests/min" in host.run("set", "--key", "ci", "--requests-per-minute", "60")
    host.run("set", "--key", host.key_id, "--streams", "4", "--tokens-per-hour", "2_000_000")
    assert host.known().current.keys[host.key_id].limits == Limits(60, 4, 2_000_000)
    host.run("set", "--key", "ci", "--requests-per-minute", "off")
    assert host.known().current.keys[host.key_id].limits == Limits(None, 4, 2_000_000)
    assert json.loads(on_keys("show", "ci", "--json"))["limits"]["concurrent_streams"] == 4


def test_an_accounts_limits_are_set_and_taken_away(host: Host) -> None:
    assert "$12.50/day" in host.run(*OF_ACME, "--spend-per-day", "12.50")
    assert host.known().current.account_limits == {"acme": Limits(spend_per_day=Decimal("12.50"))}
    host.run(*OF_ACME, "--streams", "9", "--spend-per-day", "off")
    assert host.known().current.account_limits == {"acme": Limits(concurrent_streams=9)}
    host.run(*OF_ACME, "--streams", "off")
    assert host.known().current.account_limits == {}
    assert host.run("list").strip() == "Nothing is limited."


def test_the_list_names_whose_they_are(host: Host) -> None:
    host.run(*OF_ACME, "--streams", "9")
    host.run("set", "--key", "ci", "--streams", "3")
    assert [(one["of"], one["name"], one["limits"]["concurrent_streams"]) for one in host.told()] == [
        ("account", "acme", 9),
        ("key", host.key_id, 3),
    ]
    text = host.run("list")
    assert "9 streams" in text
    assert f"{host.key_id} ci" in text
    on_keys("revoke", "ci")
    assert [one["of"] for one in host.told()] == ["account"]


def test_a_script_is_told_what_stands_now(host: Host) -> None:
    told = json.loads(host.run(*OF_ACME, "--streams", "9", "--json"))
    assert (told["of"], told["name"], told["limits"]["concurrent_streams"]) == ("account", "acme", 9)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("set", "--streams", "1"), SetupError),
        (("set", "--key", "ci", "--account", "acme", "--streams", "1"), SetupError),
        (OF_ACME, SetupError),
        ((*OF_ACME, "--streams", "many"), SetupError),
        ((*OF_ACME, "--streams", "0"), UnfitKeyError),
        ((*OF_ACME, "--spend-per-day", "-1"), UnfitKeyError),
        (("set", "--account", "a b", "--streams", "1"), UnfitKeyError),
        (("set", "--key", "nobody", "--streams", "1"), UnknownKeyError),
    ],
)
def test_what_cannot_be_is_said_in_one_line_and_changes_nothing(
    host: Host, words: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        host.run(*words)
    assert len(str(raised.value).splitlines()) == 1
    assert host.told() == []


def test_a_revoked_key_has_no_use_for_limits(host: Host) -> None:
    on_keys("revoke", "ci")
    with pytest.raises(KeyRevokedError):
        host.run("set", "--key", "ci", "--streams", "1")


def test_every_command_has_an_example(host: Host) -> None:
    for name in ("set", "list"):
        assert f"Example: nexus limits {name}" in " ".join(host.run(name, "--help").split())
