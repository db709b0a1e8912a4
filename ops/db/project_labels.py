"""How do labels of projects get into the store, and which ones stand? Events of ``ProjectLabel``."""

from collections.abc import Mapping
from datetime import datetime

from eventsourcing.application import AggregateNotFoundError

from domain.ids import Position
from domain.ports import EventLog
from domain.project_labels import LABEL_TOPICS, ProjectLabel
from ops.db.application import Nexus, library_failures

_BATCH = 1000


def say_label(url: str, project: str, label: str, *, who: str, at: datetime) -> None:
    """Call it by ``in_daemon_thread``. Raises UnfitLabelError, AppendConflictError, StoreUnavailableError."""
    with library_failures(), Nexus(url) as nexus:
        try:
            standing: ProjectLabel = nexus.repository.get(ProjectLabel.create_id(project))
        except AggregateNotFoundError:
            standing = ProjectLabel.begin(project, label, who=who, at=at)
        else:
            standing.call(label, who=who, at=at)
        nexus.save(standing)


async def labels_said(log: EventLog) -> Mapping[str, str]:
    """By project; one whose label was taken back is left out. Raises StoreUnavailableError."""
    said, position = dict[str, str](), Position(0)
    while events := await log.read(position, _BATCH, LABEL_TOPICS):
        position = events[-1].position
        said |= {one.event.project: one.event.label for one in events if isinstance(one.event, ProjectLabel.Labelled)}
    return {project: label for project, label in said.items() if label}
