"""How does a person's word about a link get into the store? As an event of the request's ``LinkCorrection``.

Synchronous, like everything of the library: call it from a thread.
"""

from datetime import datetime
from uuid import UUID

from domain.corrections import CorrectionRefusedError, LinkCorrection
from ops.db.said import say


def correct(url: str, request_id: UUID, parent: UUID | None, *, who: str, why: str, at: datetime) -> None:
    """The first word or a further one. Raises CorrectionRefusedError, AppendConflictError, StoreUnavailableError."""

    def word(standing: LinkCorrection | None) -> LinkCorrection:
        if standing is None:
            return LinkCorrection.begin(request_id, parent, who=who, why=why, at=at)
        standing.correct(parent, who=who, why=why, at=at)
        return standing

    say(url, LinkCorrection.create_id(request_id), word)


def undo(url: str, request_id: UUID, *, who: str, why: str, at: datetime) -> None:
    """Let linking decide again. Raises as ``correct`` does."""

    def word(standing: LinkCorrection | None) -> LinkCorrection:
        if standing is None:
            raise CorrectionRefusedError(f"The link of {request_id} was never corrected.")
        standing.undo(who=who, why=why, at=at)
        return standing

    say(url, LinkCorrection.create_id(request_id), word)
