"""How does what is said of people get into the store? As events of ``Person``.

Synchronous, like everything of the library: call it by ``in_daemon_thread``.
"""

from collections.abc import Callable
from datetime import datetime

from eventsourcing.application import AggregateNotFoundError

from domain.people import NewPerson, Person, PersonRemovedError, UnknownPersonError
from ops.db.application import Nexus, library_failures


def add(url: str, new: NewPerson, *, who: str, at: datetime) -> None:
    """Raises UnfitPersonError, AppendConflictError (the id is taken), StoreUnavailableError."""
    person = Person.add(new, who=who, at=at)
    with library_failures(), Nexus(url) as nexus:
        nexus.save(person)


def change(url: str, person_id: str, word: Callable[[Person], None]) -> None:
    """``word`` says what changes. Raises UnknownPersonError, AppendConflictError, StoreUnavailableError, its own."""
    with library_failures(), Nexus(url) as nexus:
        try:
            person: Person = nexus.repository.get(Person.create_id(person_id))
        except AggregateNotFoundError:
            raise UnknownPersonError(f"There is no person {person_id} in the store.") from None
        word(person)
        nexus.save(person)


def remove(url: str, person_id: str, *, who: str, at: datetime) -> None:
    """Also who is removed already: then nothing changes. Raises as ``change`` does."""

    def word(person: Person) -> None:
        try:
            person.remove(who=who, at=at)
        except PersonRemovedError:
            return

    change(url, person_id, word)
