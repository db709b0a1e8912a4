"""``nexus people``: who is added may look as it was said, is changed, logged out and removed; words are shown once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from credentials import person_words
from credentials.put_out import FOLDER_NAME, file_name, put_out_in
from domain.errors import NexusError, SetupError
from domain.people import PersonRemovedError, UnfitPersonError, UnknownPersonError
from ops.clock import utc_now
from ops.commands import people
from ops.commands.people import OutHereError
from ops.db.event_log import PostgresEventLog
from ops.people_watch import WatchedPeople
from tests.migrated import opened

COMMANDS = ("add", "list", "change", "link", "renew", "logout", "remove")


@pytest.fixture(autouse=True)
def home(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NEXUS_DASHBOARD_PORT", "3777")
    return database


def invoke(*words: str) -> Result:
    return CliRunner().invoke(people.app, list(words), catch_exceptions=False)


def run(*words: str) -> str:
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


def as_json(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json"))
    return found


async def known(dsn: str, folder: Path) -> WatchedPeople:
    async with opened(dsn) as pool:
        found = WatchedPeople(PostgresEventLog(pool), dsn, folder, utc_now)
        await found.look()
        return found


def test_who_is_added_is_known_by_the_key_and_by_the_link(database: str, tmp_path: Path) -> None:
    added = as_json("add", "ada", "--role", "reader", "--accounts", "acme, zoo")
    assert (added["name"], added["role"], added["accounts"]) == ("ada", "reader", ["acme", "zoo"])
    address, _, token = added["link"].partition("?token=")
    assert address == "http://127.0.0.1:3777/login"
    standing = asyncio.run(known(database, tmp_path)).with_key(added["key"])
    assert standing is not None
    assert standing.viewer.accounts == frozenset({"acme", "zoo"})
    word = person_words.parse(token)
    assert word is not None
    assert (word.kind, word.person_id) == ("link", added["person_id"])
    shown = run("list")
    assert "acme, zoo" in shown
    assert added["key"] not in shown + run("list", "--json")


def test_people_are_told_what_they_were_given_on_a_terminal_too() -> None:
    assert "Only the owner looks" in run("list")
    done = invoke("add", "ada", "--role", "usage")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["key", "link"]
    assert person_words.parse(lines[0].split()[1])
    assert "only time" in done.stderr
    assert run("list").splitlines()[1].split()[1:4] == ["ada", "usage", "all"]


def test_changes_hold_and_only_those_that_were_said(database: str, tmp_path: Path) -> None:
    added = as_json("add", "ada", "--role", "reader", "--accounts", "acme")
    assert as_json("change", "ada", "--role", "admin")["accounts"] == ["acme"]
    changed = as_json("change", added["person_id"], "--accounts", "all")
    assert (changed["role"], changed["accounts"]) == ("admin", None)
    new = as_json("renew", "ada")["key"]
    assert run("logout", "ada").startswith("ada (")
    found = asyncio.run(known(database, tmp_path))
    assert found.with_key(added["key"]) is None
    standing = found.with_key(new)
    assert standing is not None
    assert (standing.viewer.role, standing.turn) == ("admin", 5)


def test_a_newer_link_takes_the_place_of_the_one_before(database: str, tmp_path: Path) -> None:
    first = as_json("add", "ada", "--role", "reader")["link"].partition("=")[2]
    second = run("link", "ada", "--link-for", "12h").strip().partition("=")[2]

    async def use(*words: str) -> list[bool]:
        async with opened(database) as pool:
            found = WatchedPeople(PostgresEventLog(pool), database, tmp_path, utc_now)
            await found.look()
            return [await found.with_link(word) is not None for word in words]

    assert asyncio.run(use(first, second, second)) == [False, True, False]


def test_who_is_removed_is_out_for_good_and_the_name_is_free(database: str, tmp_path: Path) -> None:
    added = as_json("add", "ada", "--role", "reader")
    assert run("remove", "ada").strip().endswith("is removed.")
    folder = tmp_path / "keys" / FOLDER_NAME
    assert asyncio.run(known(database, folder)).with_key(added["key"]) is None
    for words in (("change", "ada", "--role", "admin"), ("link", "ada"), ("renew", "ada"), ("logout", "ada")):
        with pytest.raises(UnknownPersonError):
            invoke(*words)
        with pytest.raises(PersonRemovedError):
            invoke(words[0], added["person_id"], *words[2:])
    again = as_json("add", "ada", "--role", "usage")
    assert asyncio.run(known(database, folder)).with_key(again["key"]) is not None


def test_while_the_store_is_away_who_is_removed_is_out_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(OutHereError, match="The store follows"):
        invoke("remove", "ada", "--json")
    assert file_name("ada") in put_out_in(tmp_path / "keys" / FOLDER_NAME)


def test_the_owner_is_logged_out_here(tmp_path: Path) -> None:
    assert run("logout", "owner").strip() == "The owner is logged out on this host."
    assert as_json("logout", "owner") == {"name": "owner"}
    assert set(put_out_in(tmp_path / "keys" / FOLDER_NAME)) == {file_name("owner")}


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    run("add", "ada", "--role", "reader")
    before = run("list", "--json")
    refused: list[tuple[tuple[str, ...], type[NexusError]]] = [
        (("add", "a b", "--role", "reader"), UnfitPersonError),
        (("add", "owner", "--role", "reader"), UnfitPersonError),
        (("add", "bob", "--role", "root"), UnfitPersonError),
        (("add", "bob", "--role", "reader", "--accounts", ","), UnfitPersonError),
        (("add", "bob", "--role", "reader", "--link-for", "never"), SetupError),
        (("add", "ada", "--role", "reader"), UnfitPersonError),
        (("change", "ada"), SetupError),
        (("change", "adda", "--role", "usage"), UnknownPersonError),
    ]
    for words, error in refused:
        with pytest.raises(error):
            invoke(*words)
    assert run("list", "--json") == before


def test_every_command_has_an_example() -> None:
    for name in COMMANDS:
        assert f"Example: nexus people {name}" in " ".join(run(name, "--help").split())
