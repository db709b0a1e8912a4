"""What did a person say about a request's place? A correction of its link, which stands over what linking decides.

One aggregate per request: corrected, corrected again, undone. Nothing is ever taken back from the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate, CanMutateAggregate, TAggregate

from domain.errors import NexusError

_CORRECTIONS = UUID("6b1f0d0e-7c52-4c7e-9f43-6e1a5c1c3a55")
"""Name space of the aggregates' ids."""


class CorrectionRefusedError(NexusError):
    """This correction makes no sense."""


class LinkCorrection(BaseAggregate[UUID]):
    """Where a person says that a request belongs."""

    TOPIC = "link-correction"

    def __init__(self, request_id: UUID, parent: UUID | None) -> None:
        self.request_id = request_id
        self.parent = parent
        self.stands = True
        """False: undone; linking decides again."""

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Corrected(Event, AggregateCreated):
        """A person named the request's parent. The first one makes the aggregate, later ones change it."""

        TOPIC = "link-corrected"

        request_id: UUID
        parent: UUID | None
        """None: the request is a root."""
        who: str
        why: str

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            if aggregate is None:
                return super().mutate(None)
            return CanMutateAggregate.mutate(self, aggregate)

        def apply(self, aggregate: "LinkCorrection") -> None:
            aggregate.parent = self.parent
            aggregate.stands = True

    class Undone(Event):
        """A person took the correction back."""

        TOPIC = "link-correction-undone"

        request_id: UUID
        who: str
        why: str

        def apply(self, aggregate: "LinkCorrection") -> None:
            aggregate.stands = False

    @staticmethod
    def create_id(request_id: UUID) -> UUID:
        """The same request has the same aggregate, wherever it is corrected."""
        return uuid5(_CORRECTIONS, str(request_id))

    @classmethod
    def begin(cls, request_id: UUID, parent: UUID | None, *, who: str, why: str, at: datetime) -> Self:
        """The first correction of a request's link. Raises CorrectionRefusedError."""
        _refuse_nonsense(request_id, parent, who)
        return cls._create(
            cls.Corrected,
            id=cls.create_id(request_id),
            timestamp=at,
            request_id=request_id,
            parent=parent,
            who=who,
            why=why,
        )

    def correct(self, parent: UUID | None, *, who: str, why: str, at: datetime) -> None:
        """Correct again, also after it was undone. Raises CorrectionRefusedError."""
        _refuse_nonsense(self.request_id, parent, who)
        self.trigger_event(
            self.Corrected,
            timestamp=at,
            originator_topic=self.TOPIC,
            request_id=self.request_id,
            parent=parent,
            who=who,
            why=why,
        )

    def undo(self, *, who: str, why: str, at: datetime) -> None:
        """Let linking decide again. Raises CorrectionRefusedError."""
        _refuse_nonsense(self.request_id, None, who)
        if not self.stands:
            raise CorrectionRefusedError("This correction is undone already.")
        self.trigger_event(self.Undone, timestamp=at, request_id=self.request_id, who=who, why=why)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of a request's corrections."""

    request_id: UUID
    parent: UUID | None
    who: str
    why: str
    stands: bool
    """False: undone; linking decides again."""


CORRECTION_TOPICS = (LinkCorrection.Corrected.TOPIC, LinkCorrection.Undone.TOPIC)


def standing(events: Sequence[object]) -> Standing | None:
    """The newest word of one aggregate's events, by version; None: no correction is among them."""
    words = [event for event in events if isinstance(event, LinkCorrection.Corrected | LinkCorrection.Undone)]
    if not words:
        return None
    newest = words[-1]
    corrected = isinstance(newest, LinkCorrection.Corrected)
    parent = newest.parent if isinstance(newest, LinkCorrection.Corrected) else None
    return Standing(newest.request_id, parent, newest.who, newest.why, stands=corrected)


def _refuse_nonsense(request_id: UUID, parent: UUID | None, who: str) -> None:
    if parent == request_id:
        raise CorrectionRefusedError("A request cannot be its own parent.")
    if not who:
        raise CorrectionRefusedError("A correction needs somebody who made it.")
