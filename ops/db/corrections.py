"""How does a person's word about a link get into the store? As an event of the request's ``LinkCorrection``.

Synchronous, like everything of the library: call it from a thread.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError

from domain.corrections import CorrectionRefusedError, LinkCorrection
from ops.db.application import Nexus, library_failures


def correct(url: str, request_id: UUID, parent: UUID | None, *, who: str, why: str, at: datetime) -> None:
    """The first word or a further one. Raises CorrectionRefusedError, AppendConflictError, StoreUnavailableError."""

    def word(standing: LinkCorrection | None) -> LinkCorrection:
        if standing is None:
            return LinkCorrection.begin(request_id, parent, who=who, why=why, at=at)
        standing.correct(parent, who=who, why=why, at=at)
        return standing

    _save(url, request_id, word)


def undo(url: str, request_id: UUID, *, who: str, why: str, at: datetime) -> None:
    """Let linking decide again. Raises as ``correct`` does."""

    def word(standing: LinkCorrection | None) -> LinkCorrection:
        if standing is None:
            raise CorrectionRefusedError(f"The link of {request_id} was never corrected.")
        standing.undo(who=who, why=why, at=at)
        return standing

    _save(url, request_id, word)


def _save(url: str, request_id: UUID, word: Callable[[LinkCorrection | None], LinkCorrection]) -> None:
    with library_failures(), Nexus(url) as nexus:
        try:
            standing: LinkCorrection | None = nexus.repository.get(LinkCorrection.create_id(request_id))
        except AggregateNotFoundError:
            standing = None
        nexus.save(word(standing))
