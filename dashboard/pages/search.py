"""Where was something said? Words and filters in, places with the words around out, the best first."""

from collections.abc import Mapping

from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.queries import ListQuery, read_query
from dashboard.queries import CLASSES, moment_of
from dashboard.searching import Order, SearchQuery
from dashboard.views.hits import KINDS, ShownHit, shown_hits
from domain.search_hits import SearchFilter
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
    """Raises InvalidQueryError for a filter that nothing can fit."""
    given = query.filters
    conversation = given.get("conversation")
    member = None if conversation is None else member_of(conversation)
    if conversation is not None and member is None:
        raise InvalidQueryError("conversation is no id; take the address of a conversation's page.")
    order: Order = "newest" if given.get("order") == "newest" else "best"
    return SearchQuery(
        words=given["q"],
        wanted=SearchFilter(
            kind=given.get("kind"),
            is_error=True if given.get("error") == "yes" else None,
            tool=given.get("tool"),
            since=moment_of("since", given["since"]) if "since" in given else None,
            until=moment_of("until", given["until"]) if "until" in given else None,
            model=given.get("model"),
            project=given.get("project"),
            account=given.get("account"),
            session=given.get("session"),
            conversation=member,
            request_class=given.get("class"),
        ),
        order=order,
        limit=ROWS,
        cursor=query.cursor,
    )


def search_page(surroundings: Surroundings, _: str) -> Page:
    return SearchPage(surroundings)
