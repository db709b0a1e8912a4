"""What is a page? One screen in one browser tab: it asks the store, and says what stands in each region.

A page knows nothing of browsers and sessions; ``Tab`` does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from dashboard.data import DataStore
from dashboard.markup import Regions
from domain.ports import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every page is built from."""

    store: DataStore
    clock: Clock
    connect_lines: tuple[str, ...]
    """What a newcomer types to point Claude Code at the gateway."""


class Page(Protocol):
    """One screen. All waiting is done in ``load``, ``follow`` and ``act``; the rest is quick."""

    @property
    def name(self) -> str:
        """Of its template and stylesheet."""
        ...

    @property
    def section(self) -> str:
        """The part of the top bar it belongs to."""
        ...

    @property
    def title(self) -> str:
        """Of the document, once it is loaded."""
        ...

    @property
    def region_names(self) -> tuple[str, ...]:
        """The first one holds the notice while there is nothing else to show."""
        ...

    async def load(self, search: str) -> None:
        """Ask for everything, for this query of the address. Raises StoreUnavailableError."""
        ...

    async def follow(self) -> None:
        """Something happened in the store: look again. Raises StoreUnavailableError."""
        ...

    async def act(self, name: str, value: str) -> None:
        """The reader did something; unknown acts are passed over. Raises StoreUnavailableError."""
        ...

    def regions(self) -> Regions:
        """All regions, once it is loaded."""
        ...

    def figures(self) -> Mapping[str, object]:
        """Models that the document holds beside its HTML, by their name in the template."""
        ...

    def paint(self) -> None:
        """Bring the figures up to date; the document is locked meanwhile."""
        ...


def member_of(text: str) -> UUID | None:
    """The id in a path or a query; None: it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


Route = Callable[[Surroundings, str], Page]
"""Makes a page for the parameter in its path; empty: the path has none."""
