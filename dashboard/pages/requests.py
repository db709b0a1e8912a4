"""Which requests came? The list, the newest first."""

from collections.abc import Mapping
from datetime import datetime

from multidict import MultiDict

from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.queries import LENGTHS, ListQuery, read_query
from dashboard.queries import CLASSES, OUTCOMES, RequestsQuery, requests_query
from domain.ranking import NEWEST
from schemas.read_api import Listing, RequestItem

PATH = "/requests"
FILTERS = (
    "class", "outcome", "within", "model", "project", "account", "status", "session", "conversation", "since", "until",
)  # fmt: skip
ROWS = 50


class RequestsPage:
    """The list of requests."""

    name = section = "requests"
    title = "Requests · Nexus"
    region_names = ("list", "filters")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._rows = Listing[RequestItem](items=[], next_cursor=None)
        self._refusal = ""

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, FILTERS, usual=NEWEST.by)
        await self.follow()

    async def follow(self) -> None:
        query = self._query
        try:
            asked = asked_requests(query, self._from.clock())
            self._rows = await self._from.store.requests(asked.wanted, sort=asked.sort, cursor=query.cursor, limit=ROWS)
        except InvalidQueryError as error:
            self._refusal = str(error)
        else:
            self._refusal = ""

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        items = self._rows.items
        return {
            "filters": render(
                "request_filters.html",
                query=self._query,
                classes=CLASSES,
                outcomes=OUTCOMES,
                lengths=LENGTHS,
                models=sorted({row.model for row in items if row.model}),
                projects=sorted({row.project for row in items if row.project}),
            ),
            "list": render(
                "request_rows.html",
                rows=items,
                next_cursor=self._rows.next_cursor,
                query=self._query,
                csv=self._query.csv("/api/requests"),
                refusal=self._refusal,
                now=self._from.clock(),
                connect_lines=self._from.connect_lines,
            ),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""


def asked_requests(query: ListQuery, now: datetime) -> RequestsQuery:
    """As the read API asks. Raises InvalidQueryError for a value that no request can have."""
    return requests_query(MultiDict({**query.filters, **query.set_order}), now)


def requests_page(surroundings: Surroundings, _: str) -> Page:
    return RequestsPage(surroundings)
