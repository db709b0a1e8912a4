"""How does a command look at people and change them? Over the store; dashboards know it within a second."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from credentials import person_words
from credentials.put_out import FOLDER_NAME, put_out
from domain.errors import SetupError
from domain.people import NewPerson, Person, UnfitPersonError, UnknownPersonError
from domain.viewers import ROLES, Role
from ops.addresses import address_of
from ops.clock import utc_now
from ops.home import Home, prepare
from ops.moments import moment_in
from ops.people_book import PeopleBook
from ops.run_state import read
from ops.settings import load
from ops.user_name import user_name

if TYPE_CHECKING:
    from ops.reading import Database

ALL_ACCOUNTS = "all"
T = TypeVar("T")
Word = Callable[[Person, str, datetime], None]
"""Says what changes of a person, by whom and when."""


@dataclass(frozen=True, slots=True)
class Added:
    """Somebody new, and what he is given, once."""

    person: Person
    key: str
    link: str


class PeopleDesk:
    """The people as they are in the store, and the way to change them."""

    def __init__(self, database: "Database", book: PeopleBook) -> None:
        self._database, self.book = database, book

    def meant(self, word: str) -> Person:
        """Named by name, or by id; of one name, who is not removed goes first. Raises UnknownPersonError."""
        found = self.book.named(word) or self.book.people.get(word)
        if found is None:
            names = [one.name for one in self.book.people.values()]
            close = get_close_matches(word, names, 1)
            hint = f"; did you mean {close[0]}?" if close else "; `nexus people list` shows those there are."
            raise UnknownPersonError(f"There is nobody {word[:100]!r}{hint}")
        return found

    async def add(self, name: str, role: str, accounts: frozenset[str] | None, link_for: str) -> Added:
        """Raises UnfitPersonError, StoreUnavailableError."""
        from ops.db import people

        if self.book.named(name) is not None:
            raise UnfitPersonError(f"Somebody is called {name!r} already; give another name, or remove that one first.")
        person_id = person_words.make_id(secrets.token_bytes(person_words.ID_BYTES))
        key = person_words.make("key", person_id, secrets.token_bytes(person_words.SECRET_BYTES))
        key_hash = person_words.hash_of(key.text)
        new = NewPerson(person_id=person_id, name=name, role=role_in(role), accounts=accounts, key_hash=key_hash)
        _end_in(link_for)
        await self._say(partial(people.add, new=new, who=user_name(), at=utc_now()))
        person, link = await self.make_link(self.book.people[person_id], link_for)
        return Added(person, key.text, link)

    async def make_link(self, person: Person, link_for: str) -> tuple[Person, str]:
        """An address that logs in once. Raises UnfitPersonError, PersonRemovedError, StoreUnavailableError."""
        link = person_words.make("link", person.person_id, secrets.token_bytes(person_words.SECRET_BYTES))
        link_hash, ends_at = person_words.hash_of(link.text), _end_in(link_for)
        changed = await self.change(
            person, lambda one, who, at: one.make_link(link_hash, ends_at=ends_at, who=who, at=at)
        )
        return changed, f"{dashboard_address()}/login?token={link.text}"

    async def renew_key(self, person: Person) -> tuple[Person, str]:
        """Raises PersonRemovedError, StoreUnavailableError."""
        key = person_words.make("key", person.person_id, secrets.token_bytes(person_words.SECRET_BYTES))
        key_hash = person_words.hash_of(key.text)
        return await self.change(person, lambda one, who, at: one.renew_key(key_hash, who=who, at=at)), key.text

    async def change(self, person: Person, word: Word) -> Person:
        """The person afterwards. Raises what ``word`` raises, StoreUnavailableError."""
        from ops.db import people

        who, at = user_name(), utc_now()
        await self._say(partial(people.change, person_id=person.person_id, word=lambda one: word(one, who, at)))
        return self.book.people[person.person_id]

    async def remove(self, person: Person) -> Person:
        """Also who is removed already. Raises StoreUnavailableError."""
        from ops.db import people

        await self._say(partial(people.remove, person_id=person.person_id, who=user_name(), at=utc_now()))
        return self.book.people[person.person_id]

    async def _say(self, work: Callable[[str], None]) -> None:
        """``work`` is given the store's URL."""
        from ops.db.daemon_thread import in_daemon_thread
        from ops.db.event_log import PostgresEventLog

        await in_daemon_thread(partial(work, self._database.url))
        await self.book.follow(PostgresEventLog(self._database.pool))


def with_desk(work: Callable[[PeopleDesk], Awaitable[T]]) -> T:
    """Run ``work`` over the database of this home. Raises NexusError."""
    from ops.db.event_log import PostgresEventLog
    from ops.reading import with_database

    async def run(database: "Database") -> T:
        book = PeopleBook()
        await book.follow(PostgresEventLog(database.pool))
        return await work(PeopleDesk(database, book))

    return with_database("people", run)


def put_out_here(name: str) -> None:
    """Who was added under this name before now is out on this host. Raises UnfitFileError."""
    put_out(prepare(load(Path.cwd()).home).keys / FOLDER_NAME, name)


def dashboard_address() -> str:
    """Where people reach the dashboard: the address said in the settings, else where it runs or would run."""
    settings = load(Path.cwd())
    if settings.dashboard_url:
        return settings.dashboard_url[0].rstrip("/")
    running = read(Home(settings.home))
    return (running and running.dashboard) or address_of(settings.dashboard_host[0], settings.dashboard_port)


def role_in(text: str) -> Role:
    """Raises UnfitPersonError."""
    for role in ROLES:
        if role == text:
            return role
    raise UnfitPersonError(f"There is no role {text[:100]!r}; choose among {', '.join(ROLES)}.")


def accounts_in(text: str | None) -> frozenset[str] | None:
    """``a,b``; None: all of them."""
    if text is None or text.strip() == ALL_ACCOUNTS:
        return None
    return frozenset(filter(None, (word.strip() for word in text.split(","))))


def _end_in(link_for: str) -> datetime:
    ends_at = moment_in(link_for, utc_now())
    if ends_at is None:
        raise SetupError("A link has to end; give 12h, 3d or a date.")
    return ends_at
