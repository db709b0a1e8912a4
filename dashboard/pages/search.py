"""Where was something said? Words and filters in, places with the words around out, the best first."""

from collections.abc import Mapping

from multidict import MultiDict

from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.queries import ListQuery, read_query
from dashboard.queries import CLASSES, search_query
from dashboard.searching import SearchQuery
from dashboard.views.hits import KINDS, ShownHit, shown_hits
from domain.search_query import InvalidSearchError
from schemas.search_api import SearchAnswer

PATH = "/search"
FILTERS = (
    "q", "kind", "tool", "error", "since", "until", "model", "project", "account", "session", "conversation", "class",
    "order",
)  # fmt: skip
ROWS = 20
_NOTHING = SearchAnswer(items=[], total=0, at_least=False, next_cursor=None)


class SearchPage:
    """Full text search."""

    name = section = "search"
    region_names = ("list", "filters")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._found, self._hits = _NOTHING, list[ShownHit]()
        self._refusal = ""

    @property
    def title(self) -> str:
        words = self._query.filters.get("q", "")
        return f"{words[:60]} · Search · Nexus" if words else "Search · Nexus"

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, FILTERS)
        self._found, self._refusal = _NOTHING, ""
        if "q" in self._query.filters:
            try:
                self._found = await self._from.store.search(wanted_search(self._query))
            except (InvalidQueryError, InvalidSearchError) as error:
                self._refusal = str(error)
        self._hits = shown_hits(self._found.items)

    async def follow(self) -> None:
        """What was found stays as it is while somebody reads it."""

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        return {
            "filters": render("search_filters.html", query=self._query, kinds=KINDS, classes=CLASSES),
            "list": render(
                "search_hits.html",
                hits=self._hits,
                found=self._found,
                query=self._query,
                refusal=self._refusal,
                now=self._from.clock(),
            ),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""


def wanted_search(query: ListQuery) -> SearchQuery:
    """As the read API asks. Raises InvalidQueryError for a filter that nothing can fit."""
    place = {} if query.cursor is None else {"cursor": query.cursor}
    return search_query(MultiDict({**query.filters, **place, "limit": str(ROWS)}))


def search_page(surroundings: Surroundings, _: str) -> Page:
    return SearchPage(surroundings)
