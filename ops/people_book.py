"""Which people follow from the events? A fold, event by event."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate

from domain.ids import Position
from domain.people import PEOPLE_TOPICS, Person
from domain.ports import Recorded
from ops.db.said import Reads

BATCH = 1000


class PeopleBook:
    """Everybody up to a position of the log."""

    def __init__(self) -> None:
        self._people: dict[UUID, Person] = {}
        self._lost: set[UUID] = set()
        """A newer Nexus said something of these. What it is cannot be known here, so they are shown nothing."""
        self.position = Position(0)
        """Of the newest event taken in."""

    async def follow(self, log: Reads) -> None:
        """Take in what is new. Raises StoreUnavailableError."""
        while events := await log.read(self.position, BATCH, PEOPLE_TOPICS):
            self.take(events)

    def take(self, events: Sequence[Recorded]) -> None:
        """In order of position; what was taken in already is passed over: two may follow at once."""
        for recorded in events:
            if recorded.position <= self.position:
                continue
            event, about = recorded.event, recorded.event.originator_id
            if isinstance(event, CanMutateAggregate) and about not in self._lost:
                changed = event.mutate(self._people.get(about))
                assert isinstance(changed, Person)
                self._people[about] = changed
            else:
                self._lost.add(about)
                self._people.pop(about, None)
            self.position = recorded.position

    @property
    def people(self) -> Mapping[str, Person]:
        """By person id, in the order they were added; those removed too."""
        return {one.person_id: one for one in self._people.values()}

    def named(self, name: str) -> Person | None:
        """Who is called that and not removed."""
        return next((one for one in self._people.values() if one.name == name and one.removed_at is None), None)
