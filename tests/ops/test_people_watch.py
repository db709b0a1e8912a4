"""The front knows who may look: by key, by link, until told otherwise; also while the store is away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from credentials import person_words
from credentials.put_out import FOLDER_NAME, put_out
from dashboard.people import OWNER_ID, Standing
from domain.errors import StoreUnavailableError
from domain.people import NewPerson, Person
from domain.viewers import OWNER, Role, Viewer
from ops import people_watch
from ops.db import people
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.home import prepare
from ops.people_watch import WatchedPeople, watching
from tests.some_people import word_of
from tests.waiting import until

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA, BOB = "ada00000", "bob00000"


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Watched:
    """People over a store, and the way to say something of them."""

    people: WatchedPeople
    url: str
    folder: Path
    clock: Clock

    async def add(self, person_id: str = ADA, role: Role = "reader", accounts: frozenset[str] | None = None) -> None:
        key_hash = person_words.hash_of(word_of(person_id))
        new = NewPerson(person_id=person_id, name=person_id[:3], role=role, accounts=accounts, key_hash=key_hash)
        await in_daemon_thread(partial(people.add, self.url, new, who="eve", at=NOON))
        await self.people.look()

    async def say(self, word: Callable[[Person], None], person_id: str = ADA) -> None:
        await in_daemon_thread(partial(people.change, self.url, person_id, word))


@pytest.fixture
def watched(pool: Pool, migrated_database: str, tmp_path: Path) -> Watched:
    clock, folder = Clock(), tmp_path / FOLDER_NAME
    known = WatchedPeople(PostgresEventLog(pool), migrated_database, folder, clock)
    return Watched(known, migrated_database, folder, clock)


async def test_a_key_is_its_owners_and_says_what_he_may(watched: Watched) -> None:
    await watched.add(accounts=frozenset({"acme"}))
    await watched.add(BOB, "admin")
    ada = Viewer(name="ada", role="reader", accounts=frozenset({"acme"}), person_id=ADA)
    assert watched.people.with_key(word_of(ADA)) == watched.people.standing(ADA) == Standing(ADA, ada, 1)
    assert watched.people.with_key(word_of(BOB)) == watched.people.standing(BOB)
    for wrong in (
        "",
        word_of("cy000000"),
        word_of(ADA, "link"),
        f"{word_of(ADA)} ",
        word_of(ADA).replace("ada", "bob", 1),
    ):
        assert watched.people.with_key(wrong) is None
    assert watched.people.standing("nobody00") is None


async def test_whatever_changes_is_another_standing(watched: Watched) -> None:
    await watched.add()
    standings = [watched.people.standing(ADA)]
    renewed = person_words.make("key", ADA, b"x" * 32).text
    for word in (
        lambda one: one.change_role("admin", who="eve", at=NOON),
        lambda one: one.change_accounts(["acme"], who="eve", at=NOON),
        lambda one: one.log_out(who="eve", at=NOON),
        lambda one: one.renew_key(person_words.hash_of(renewed), who="eve", at=NOON),
    ):
        await watched.say(word)
        await watched.people.look()
        standings.append(watched.people.standing(ADA))
    assert len(set(standings)) == 5
    assert watched.people.with_key(word_of(ADA)) is None
    assert watched.people.with_key(renewed) == standings[-1]
    await watched.say(lambda one: one.remove(who="eve", at=NOON))
    await watched.people.look()
    assert watched.people.standing(ADA) is None
    assert watched.people.with_key(renewed) is None


async def test_a_link_logs_in_once_and_in_time_and_no_other_does(watched: Watched) -> None:
    await watched.add()
    link, ends_at = word_of(ADA, "link"), NOON + timedelta(hours=1)
    await watched.say(lambda one: one.make_link(person_words.hash_of(link), ends_at=ends_at, who="eve", at=NOON))
    for wrong in ("", word_of(ADA), word_of(BOB, "link"), person_words.make("link", ADA, b"y" * 32).text):
        assert await watched.people.with_link(wrong) is None
    watched.clock.now = ends_at
    assert await watched.people.with_link(link) is None
    watched.clock.now = NOON
    assert await watched.people.with_link(link) == watched.people.standing(ADA)
    assert await watched.people.with_link(link) is None


async def test_of_two_who_use_one_link_at_once_one_is_let_in(watched: Watched) -> None:
    await watched.add()
    link = word_of(ADA, "link")
    later = NOON + timedelta(hours=1)
    await watched.say(lambda one: one.make_link(person_words.hash_of(link), ends_at=later, who="eve", at=NOON))
    found = await asyncio.gather(*(watched.people.with_link(link) for _ in range(4)))
    assert len([one for one in found if one is not None]) == 1


@dataclass
class CountedLog:
    """Notes when it is read, and how many read at once."""

    log: PostgresEventLog
    reads: int = 0
    reading: int = 0
    most: int = 0

    async def read(self, *asked: Any) -> Any:
        self.reads += 1
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            return await self.log.read(*asked)
        finally:
            self.reading -= 1


@pytest.mark.bar(67)
async def test_whoever_guesses_links_costs_two_readings_and_no_connection(
    watched: Watched, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of somebody whose id he knows; and a link that was made this moment is not taken for a guess."""
    await watched.add()
    counted = CountedLog(PostgresEventLog(pool))
    known = WatchedPeople(counted, watched.url, watched.folder, watched.clock)
    await known.look()
    link, later = word_of(ADA, "link"), NOON + timedelta(hours=1)
    await watched.say(lambda one: one.make_link(person_words.hash_of(link), ends_at=later, who="eve", at=NOON))
    guesses = [person_words.make("link", ADA, n.to_bytes(32)).text for n in range(200)]
    counted.reads = 0
    with monkeypatch.context() as nobody:
        nobody.setattr(people_watch, "in_daemon_thread", None)
        found = await asyncio.gather(*map(known.with_link, guesses))
    assert found == [None] * 200
    assert counted.most == 1
    assert counted.reads <= 3, "until nothing is new; and once more for those who came meanwhile"
    await watched.say(lambda one: one.make_link(person_words.hash_of(guesses[0]), ends_at=later, who="eve", at=NOON))
    assert await known.with_link(guesses[0]) == known.standing(ADA)


async def test_who_is_put_out_here_is_out_at_once_and_the_store_follows(watched: Watched, pool: Pool) -> None:
    await watched.add()
    await watched.add(BOB)
    put_out(watched.folder, "ada")
    await watched.people.look()
    assert watched.people.standing(ADA) is None
    assert watched.people.standing(BOB) is not None
    elsewhere = WatchedPeople(PostgresEventLog(pool), watched.url, watched.folder / "another host", watched.clock)
    await elsewhere.look()
    assert elsewhere.standing(ADA) is None
    assert elsewhere.standing(BOB) is not None


async def test_while_the_store_is_away_everybody_stands_as_before_and_may_be_put_out(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched.add()
    await watched.add(BOB)

    async def away(*_: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(watched.people._log, "read", away)
    monkeypatch.setattr(people_watch, "POLL_S", 0.001)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watched.people.run())
        assert watched.people.with_key(word_of(ADA)) is not None
        put_out(watched.folder, "ada")
        await until(lambda: watched.people.standing(ADA) is None)
        assert watched.people.with_key(word_of(ADA)) is None
        assert watched.people.with_key(word_of(BOB)) is not None
        running.cancel()


async def test_the_owner_stands_until_he_is_logged_out_here(watched: Watched) -> None:
    before = watched.people.standing(OWNER_ID)
    assert before is not None
    assert before.viewer == OWNER
    put_out(watched.folder, "owner")
    await watched.people.look()
    after = watched.people.standing(OWNER_ID)
    assert after is not None
    assert (after.viewer, after == before) == (OWNER, False)
    await watched.people.log_out(OWNER_ID)
    assert watched.people.standing(OWNER_ID) == after


async def test_a_logout_reaches_every_dashboard(watched: Watched, pool: Pool) -> None:
    await watched.add()
    other = WatchedPeople(PostgresEventLog(pool), watched.url, watched.folder, watched.clock)
    await other.look()
    before = other.standing(ADA)
    await watched.people.log_out(ADA)
    await other.look()
    assert before is not None
    assert watched.people.standing(ADA) == other.standing(ADA) == Standing(ADA, before.viewer, before.turn + 1)


async def test_whoever_serves_knows_people_from_the_beginning(
    watched: Watched, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_watch, "POLL_S", 0.001)
    await watched.add()
    async with watching(pool, watched.url, prepare(tmp_path / "home"), watched.clock) as known:
        assert known.standing(ADA) is not None
        await watched.say(lambda one: one.remove(who="eve", at=NOON))
        await until(lambda: known.standing(ADA) is None)
