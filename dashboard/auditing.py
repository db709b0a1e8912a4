"""What is noted of those who look? An entry is in the store before the text is given: no entry, no text."""

from typing import Protocol

from domain.audit import Act, Entry
from domain.viewers import Viewer


class Audit(Protocol):
    """Keeps entries."""

    async def note(self, entry: Entry) -> None:
        """Returns when it is kept. Raises StoreUnavailableError."""
        ...


class NobodyAsks:
    """For commands: who has the shell has the store."""

    async def note(self, entry: Entry) -> None:
        """Is not kept."""


def entry_of(viewer: Viewer, act: Act, about: object) -> Entry:
    return Entry(who=viewer.name, act=act, about=str(about))


UNAUDITED = NobodyAsks()
