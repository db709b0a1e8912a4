"""The fold: everybody as the newest event says; of whom a newer Nexus said something, nothing is known."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from domain.ids import Position
from domain.people import NewPerson, Person
from domain.ports import Recorded, UnreadableEvent
from ops.people_book import PeopleBook

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def person(number: int, name: str = "ada") -> Person:
    new = NewPerson(person_id=f"abcd000{number}", name=name, role="reader", accounts=None, key_hash="00")
    return Person.add(new, who="eve", at=NOON)


def recorded(*people: Person) -> list[Recorded]:
    events = [event for one in people for event in one.collect_events()]
    return [Recorded(Position(place), event) for place, event in enumerate(events, 1)]


def test_people_are_as_their_events_say() -> None:
    one, two = person(1), person(2, "bob")
    one.change_role("admin", who="eve", at=NOON)
    two.remove(who="eve", at=NOON)
    book = PeopleBook()
    book.take(recorded(one, two))
    assert book.people == {"abcd0001": one, "abcd0002": two}
    assert (book.position, book.named("ada"), book.named("bob"), book.named("cy")) == (4, one, None, None)


def test_a_name_is_of_who_has_it_now() -> None:
    before, after = person(1), person(2)
    before.remove(who="eve", at=NOON)
    book = PeopleBook()
    book.take(recorded(before, after))
    assert book.named("ada") == after


def test_who_cannot_be_known_for_certain_is_nobody_for_good() -> None:
    one, two = person(1), person(2, "bob")
    events = recorded(one, two)
    unknown = Recorded(Position(3), UnreadableEvent(one.id, 2, "person-promoted"))
    one.change_role("admin", who="eve", at=NOON)
    late = [Recorded(Position(4), event) for event in one.collect_events()]
    book = PeopleBook()
    book.take([*events, unknown, *late])
    assert (list(book.people), book.position) == (["abcd0002"], 4)


async def test_two_who_follow_at_once_take_everything_in_once() -> None:
    """The watch looks while somebody logs in by a link: both have read the same events."""
    one = person(1)
    one.change_role("admin", who="eve", at=NOON)
    events, both_asked = recorded(one), asyncio.Barrier(2)

    class Slow:
        async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
            found = [event for event in events if event.position > after][:limit]
            if found:
                await both_asked.wait()
            return found

    book = PeopleBook()
    await asyncio.gather(book.follow(Slow()), book.follow(Slow()))
    assert (book.people, book.position) == ({"abcd0001": one}, 2)
