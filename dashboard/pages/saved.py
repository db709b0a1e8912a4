"""What stands beside a page that can be filtered? The reader's saved filters, and the way to save what is chosen.

It is put around the page, which knows nothing of it: one region more, of its own template. What writes is a form that
the front answers (``dashboard/filter_forms.py``); then the page is told to look again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markupsafe import Markup

from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Route, Surroundings
from dashboard.savable import Kept, as_known, view_of
from domain.saved_filters import MAX_NAME, View

REGION = ACT = "saved"
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "/conversations": "Conversations",
        "/requests": "Requests",
        "/search": "Search",
        "/usage": "Usage",
        "/insights": "Insights",
    }
)
"""In the order of the bar."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One saved filter, in the list."""

    name: str
    address: str
    is_here: bool
    """Of the page that is shown."""
    is_shown: bool
    """It is in force."""


@dataclass(frozen=True, slots=True)
class Group:
    """Those of one page."""

    title: str
    entries: Sequence[Entry]


def groups_of(kept: Kept, path: str, shown: View | None) -> list[Group]:
    """This page's first. ``shown``: what is in force there."""
    known = [(one.name, view) for one in kept if (view := as_known(one.view)) is not None]
    order = sorted(TITLES, key=lambda page: page != path)
    found = {
        page: [Entry(name, view.address, page == path, view == shown) for name, view in known if view.path == page]
        for page in order
    }
    return [Group(TITLES[page], entries) for page, entries in found.items() if entries]


class WithSaved:
    """A page with its reader's saved filters."""

    def __init__(self, page: Page, path: str, surroundings: Surroundings) -> None:
        self._page, self._path, self._store = page, path, surroundings.store
        self._shown: View | None = None
        self._kept: Kept = ()

    @property
    def name(self) -> str:
        return self._page.name

    @property
    def section(self) -> str:
        return self._page.section

    @property
    def title(self) -> str:
        return self._page.title

    @property
    def region_names(self) -> tuple[str, ...]:
        return (*self._page.region_names, REGION)

    async def load(self, search: str) -> None:
        await self._page.load(search)
        self._shown = view_of(self._path, search)
        await self._look()

    async def follow(self) -> None:
        await self._page.follow()
        await self._look()

    async def act(self, name: str, value: str) -> None:
        """The browser says when it has saved or removed something; all else is the page's."""
        if name == ACT:
            await self._look()
        else:
            await self._page.act(name, value)

    async def _look(self) -> None:
        self._kept = await self._store.saved_filters()

    def regions(self) -> Regions:
        return {**self._page.regions(), REGION: self._saved()}

    def figures(self) -> Mapping[str, object]:
        return self._page.figures()

    def paint(self) -> None:
        self._page.paint()

    def _saved(self) -> Markup:
        if self._store.viewer.person_id is None:
            return Markup()
        groups = groups_of(self._kept, self._path, self._shown)
        entries = [entry for group in groups for entry in group.entries]
        return render(
            "saved_filters.html",
            path=self._path,
            query=self._shown.query if self._shown else "",
            is_new=self._shown is not None and not any(entry.is_shown for entry in entries),
            groups=groups,
            count=len(entries),
            longest=MAX_NAME,
        )


def with_saved(path: str, route: Route) -> Route:
    """The same pages, each with its reader's saved filters."""

    def make(surroundings: Surroundings, parameter: str) -> Page:
        return WithSaved(route(surroundings, parameter), path, surroundings)

    return make
