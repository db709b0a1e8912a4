"""Which views has somebody given a name, to find them again? Saved, saved anew, removed.

One aggregate per person. A view is a page and what its address asks for; which words a page knows is the dashboard's
business (``dashboard/savable.py``).
"""

import re
import unicodedata
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate

from domain.errors import SetupError

_SHELVES = UUID("c1a2f0be-5a37-4e0f-9a8e-2d7f1b60c4d3")
"""Name space of the aggregates' ids."""
PAGES = ("/conversations", "/insights", "/requests", "/search", "/usage")
MOST_FILTERS = 100
MAX_NAME, MAX_QUERY = 80, 4000
_QUERY = re.compile(r"[A-Za-z0-9_.~%+=&-]+")
"""What an encoded query consists of: nothing in it can end it, nor the address."""
_JOINERS = "\u200c\u200d"
"""Cannot be seen, but words of some scripts and signs of several parts need them."""
_UNFIT = frozenset({"Cc", "Cf", "Cs"})
_SEEN = frozenset("LNPS")


class UnfitFilterError(SetupError):
    """This cannot be saved."""


@dataclass(frozen=True, slots=True)
class View:
    """A page, and what its address asks for."""

    path: str
    query: str
    """Encoded, without the question mark."""

    @property
    def address(self) -> str:
        return f"{self.path}?{self.query}"


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A view under its name."""

    name: str
    view: View
    saved_at: datetime


class SavedFilters(BaseAggregate[UUID]):
    """All that one person has saved."""

    TOPIC = "saved-filters"

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        self.by_key: dict[str, SavedFilter] = {}

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Begun(Event, AggregateCreated):
        """Somebody saves for the first time."""

        TOPIC = "saved-filters-begun"

        person_id: str

    class Saved(Event):
        """A view was given a name; one that had it has it no more."""

        TOPIC = "filter-saved"

        name: str
        path: str
        query: str
        who: str

        def apply(self, aggregate: "SavedFilters") -> None:
            _take(aggregate.by_key, self)

    class Removed(Event):
        """A name was given up."""

        TOPIC = "filter-removed"

        name: str
        who: str

        def apply(self, aggregate: "SavedFilters") -> None:
            _take(aggregate.by_key, self)

    @staticmethod
    def create_id(person_id: str) -> UUID:
        """The same person has the same aggregate, wherever something is saved."""
        return uuid5(_SHELVES, person_id)

    @classmethod
    def begin(cls, person_id: str, *, at: datetime) -> Self:
        """Nothing is saved yet."""
        return cls._create(cls.Begun, id=cls.create_id(person_id), timestamp=at, person_id=person_id)

    def has(self, name: str) -> bool:
        return _key_of(name) in self.by_key

    def save(self, name: str, view: View, *, who: str, at: datetime) -> None:
        """Nothing happens if it is saved so already. Raises UnfitFilterError."""
        tidy = _checked(name, view, who)
        before = self.by_key.get(_key_of(tidy))
        if before is not None and (before.name, before.view) == (tidy, view):
            return
        if before is None and len(self.by_key) >= MOST_FILTERS:
            raise UnfitFilterError(f"You have {MOST_FILTERS} saved filters, and no more can be kept; remove one first.")
        self.trigger_event(self.Saved, timestamp=at, name=tidy, path=view.path, query=view.query, who=who)

    def remove(self, name: str, *, who: str, at: datetime) -> None:
        """Nothing happens if there is none of that name (any more). Raises UnfitFilterError."""
        _check_who(who)
        found = self.by_key.get(_key_of(name))
        if found is not None:
            self.trigger_event(self.Removed, timestamp=at, name=found.name, who=who)


def saved_in(events: Iterable[object]) -> tuple[SavedFilter, ...]:
    """What one person's events come to, by name; what a newer Nexus said besides is passed over."""
    by_key = dict[str, SavedFilter]()
    for event in events:
        _take(by_key, event)
    return tuple(by_key[key] for key in sorted(by_key))


def _take(by_key: MutableMapping[str, SavedFilter], event: object) -> None:
    match event:
        case SavedFilters.Saved(name=name, path=path, query=query, timestamp=at):
            by_key[_key_of(name)] = SavedFilter(name, View(path, query), at)
        case SavedFilters.Removed(name=name):
            by_key.pop(_key_of(name), None)


def _tidied(name: str) -> str:
    """Without space around, with single ones inside, its signs in one form."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def _key_of(name: str) -> str:
    """The same for names that read the same."""
    folded = unicodedata.normalize("NFKC", _tidied(name)).casefold()
    return unicodedata.normalize("NFKC", folded)


def _checked(name: str, view: View, who: str) -> str:
    """The name, tidied. Raises UnfitFilterError."""
    _check_who(who)
    tidy = _tidied(name)
    kinds = {unicodedata.category(sign) for sign in tidy if sign not in _JOINERS}
    if _SEEN.isdisjoint(kind[0] for kind in kinds):
        raise UnfitFilterError("Give it a name, so that you find it again.")
    if len(tidy) > MAX_NAME or not _UNFIT.isdisjoint(kinds):
        raise UnfitFilterError(f"{tidy[:MAX_NAME]!r} is no name: at most {MAX_NAME} characters that can be seen.")
    if view.path not in PAGES:
        raise UnfitFilterError(f"Filters of {view.path[:MAX_NAME]!r} are not saved; those of {', '.join(PAGES)} are.")
    if len(view.query) > MAX_QUERY or not _QUERY.fullmatch(view.query):
        raise UnfitFilterError(f"These filters are none of an address, or longer than {MAX_QUERY} characters.")
    return tidy


def _check_who(who: str) -> None:
    if not who:
        raise UnfitFilterError("What is saved needs somebody who saves it.")
