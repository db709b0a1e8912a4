"""What is a project called? Folders have a digest for a name; a person may give them a label.

One aggregate per project: labelled, and labelled again; an empty label takes it back.
"""

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate, CanMutateAggregate, TAggregate

from domain.errors import SetupError

_PROJECTS = UUID("7d2f9a52-94b0-4d0e-8f0c-5b1f3c8a6e41")
"""Name space of the aggregates' ids."""
MAX_PROJECT, MAX_LABEL = 1000, 80


class UnfitLabelError(SetupError):
    """This cannot be the label of a project."""


class ProjectLabel(BaseAggregate[UUID]):
    """What one project is called."""

    TOPIC = "project-label"

    def __init__(self, project: str, label: str) -> None:
        self.project = project
        self.label = label

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Labelled(Event, AggregateCreated):
        """A person said what a project is called. The first word makes the aggregate, later ones change it."""

        TOPIC = "project-labelled"

        project: str
        label: str
        who: str

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            if aggregate is None:
                return super().mutate(None)
            return CanMutateAggregate.mutate(self, aggregate)

        def apply(self, aggregate: "ProjectLabel") -> None:
            aggregate.label = self.label

    @staticmethod
    def create_id(project: str) -> UUID:
        """The same project has the same aggregate, wherever it is labelled."""
        return uuid5(_PROJECTS, project)

    @classmethod
    def begin(cls, project: str, label: str, *, who: str, at: datetime) -> Self:
        """The first label of a project. Raises UnfitLabelError."""
        _check(project, label, who)
        return cls._create(cls.Labelled, id=cls.create_id(project), timestamp=at, project=project, label=label, who=who)

    def call(self, label: str, *, who: str, at: datetime) -> None:
        """Nothing happens if it is called so already. Raises UnfitLabelError."""
        _check(self.project, label, who)
        if label != self.label:
            self.trigger_event(
                self.Labelled,
                timestamp=at,
                originator_topic=self.TOPIC,
                project=self.project,
                label=label,
                who=who,
            )


LABEL_TOPICS = (ProjectLabel.Labelled.TOPIC,)


def _check(project: str, label: str, who: str) -> None:
    if not (0 < len(project) <= MAX_PROJECT and project.isprintable()):
        raise UnfitLabelError(f"{project[:MAX_LABEL]!r} is no project: `nexus projects list` has their names.")
    if len(label) > MAX_LABEL or not label.isprintable() or label != label.strip():
        raise UnfitLabelError(
            f"{label[:MAX_LABEL]!r} is no label: give at most {MAX_LABEL} printable characters, no space around."
        )
    if not who:
        raise UnfitLabelError("A label needs somebody who gave it.")
