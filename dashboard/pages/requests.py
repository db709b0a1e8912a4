"""Which requests came? The list, the newest first."""

from collections.abc import Mapping

from dashboard.data import RequestFilter
from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.queries import ListQuery, read_query
from schemas.read_api import Listing, RequestItem

PATH = "/requests"
FILTERS = ("class", "outcome", "model", "status", "session", "conversation")
CLASSES = ("main", "subagent", "compaction", "auxiliary")
OUTCOMES = ("open", "completed", "client", "upstream", "timeout", "shutdown", "gateway_crash")
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
        self._query = read_query(PATH, search, FILTERS)
        await self.follow()

    async def follow(self) -> None:
        query = self._query
        try:
            wanted = wanted_requests(query.filters)
            self._rows = await self._from.store.requests(wanted, cursor=query.cursor, limit=ROWS)
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
                models=sorted({row.model for row in items if row.model}),
            ),
            "list": render(
                "request_rows.html",
                rows=items,
                next_cursor=self._rows.next_cursor,
                query=self._query,
                refusal=self._refusal,
                now=self._from.clock(),
                connect_lines=self._from.connect_lines,
            ),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""


def wanted_requests(filters: Mapping[str, str]) -> RequestFilter:
    """Raises InvalidQueryError for a value that no request can have."""
    status, conversation = filters.get("status"), filters.get("conversation")
    if status is not None and not (status.isascii() and status.isdigit() and len(status) == 3):
        raise InvalidQueryError(f"status={status[:20]!r} is no HTTP status; give three digits, as 200 or 429.")
    member = None if conversation is None else member_of(conversation)
    if conversation is not None and member is None:
        raise InvalidQueryError("conversation is no id; take the address of a conversation's page.")
    return RequestFilter(
        conversation=member,
        session=filters.get("session"),
        request_class=filters.get("class"),
        model=filters.get("model"),
        status=None if status is None else int(status),
        outcome=filters.get("outcome"),
    )


def requests_page(surroundings: Surroundings, _: str) -> Page:
    return RequestsPage(surroundings)
