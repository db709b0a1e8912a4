"""How do labels of projects get into the store, and which ones stand? Events of ``ProjectLabel``."""

from collections.abc import Mapping
from datetime import datetime

from domain.ports import EventLog
from domain.project_labels import LABEL_TOPICS, ProjectLabel
from ops.db.said import all_said, say


def say_label(url: str, project: str, label: str, *, who: str, at: datetime) -> None:
    """Call it by ``in_daemon_thread``. Raises UnfitLabelError, AppendConflictError, StoreUnavailableError."""

    def word(standing: ProjectLabel | None) -> ProjectLabel:
        if standing is None:
            return ProjectLabel.begin(project, label, who=who, at=at)
        standing.call(label, who=who, at=at)
        return standing

    say(url, ProjectLabel.create_id(project), word)


async def labels_said(log: EventLog) -> Mapping[str, str]:
    """By project; one whose label was taken back is left out. Raises StoreUnavailableError."""
    events = [one.event for one in await all_said(log, LABEL_TOPICS)]
    said = {event.project: event.label for event in events if isinstance(event, ProjectLabel.Labelled)}
    return {project: label for project, label in said.items() if label}
