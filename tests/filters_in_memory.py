"""Saved filters without a database: what is kept here is read from here, and it can be away."""

from dataclasses import dataclass, field

from dashboard import page_access
from dashboard.savable import Kept
from domain.errors import StoreUnavailableError
from domain.saved_filters import SavedFilters, View
from domain.viewers import Viewer
from tests.read_rows import START


@dataclass
class FiltersInMemory:
    """Keeps aggregates, by person id."""

    by_person: dict[str, SavedFilters] = field(default_factory=dict)
    away: bool = False

    async def save(self, viewer: Viewer, name: str, view: View) -> bool:
        of = self._of(viewer)
        replaced = of.has(name)
        of.save(name, view, who=viewer.name, at=START)
        return replaced

    async def remove(self, viewer: Viewer, name: str) -> None:
        self._of(viewer).remove(name, who=viewer.name, at=START)

    def kept(self, viewer: Viewer) -> Kept:
        """As a DataStore tells it."""
        of = self.by_person.get(viewer.person_id) if viewer.person_id is not None else None
        found = sorted(of.by_key.items()) if of else []
        return [one for _, one in found if viewer.may(page_access.needed(one.view.path))]

    def _of(self, viewer: Viewer) -> SavedFilters:
        if self.away:
            raise StoreUnavailableError("PostgreSQL did not answer.")
        assert viewer.person_id is not None
        return self.by_person.setdefault(viewer.person_id, SavedFilters.begin(viewer.person_id, at=START))
