"""Who may look at the dashboard, as it stands now? What the front has to know of people."""

from dataclasses import dataclass
from typing import Protocol

from domain.viewers import OWNER, Viewer

OWNER_ID = ""
"""The owner is nobody's record: whoever has the dashboard's own key."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody may do, until it changes: a session is as old as the standing that it was opened with."""

    person_id: str
    viewer: Viewer
    turn: int
    """Goes up whenever all that is open has to end."""


class People(Protocol):
    """Knows everybody; while the store is away, as they were last heard of."""

    def standing(self, person_id: str) -> Standing | None:
        """As it is now; None: nobody, or removed."""
        ...

    def with_key(self, offered: str) -> Standing | None:
        """Whose key this is. The dashboard's own key is not asked for here."""
        ...

    async def with_link(self, offered: str) -> Standing | None:
        """Whose link this is; it is used up by that. Raises StoreUnavailableError."""
        ...

    async def log_out(self, person_id: str) -> None:
        """Everywhere, also in other dashboards over the same store. Raises StoreUnavailableError."""
        ...


class OwnerAlone:
    """There is nobody but the owner."""

    def standing(self, person_id: str) -> Standing | None:
        return OWNER_STANDING if person_id == OWNER_ID else None

    def with_key(self, offered: str) -> Standing | None:  # noqa: ARG002  nobody has one
        return None

    async def with_link(self, offered: str) -> Standing | None:  # noqa: ARG002  nobody has one
        return None

    async def log_out(self, person_id: str) -> None:
        """There is no other dashboard to be told."""


OWNER_STANDING = Standing(OWNER_ID, OWNER, 0)
