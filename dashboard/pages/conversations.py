"""Which conversations are there? The list, the one with the newest request first."""

from collections.abc import Mapping
from datetime import datetime

from multidict import MultiDict

from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.queries import LENGTHS, ListQuery, read_query
from dashboard.queries import ConversationsQuery, conversations_query
from domain.ranking import LATEST
from schemas.read_api import ConversationItem, Listing

PATH = "/conversations"
FILTERS = ("title", "within", "project", "account", "session", "since", "until")
ROWS = 50


class ConversationsPage:
    """The list of conversations."""

    name = section = "conversations"
    title = "Conversations · Nexus"
    region_names = ("list", "filters")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._rows = Listing[ConversationItem](items=[], next_cursor=None)
        self._refusal = ""

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, FILTERS, usual=LATEST.by)
        await self.follow()

    async def follow(self) -> None:
        query = self._query
        try:
            asked = asked_conversations(query, self._from.clock())
            self._rows = await self._from.store.conversations(
                asked.wanted, sort=asked.sort, cursor=query.cursor, limit=ROWS
            )
        except InvalidQueryError as error:
            self._refusal = str(error)
        else:
            self._refusal = ""

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        return {
            "filters": render("conversation_filters.html", query=self._query, lengths=LENGTHS),
            "list": render(
                "conversation_rows.html",
                rows=self._rows.items,
                next_cursor=self._rows.next_cursor,
                query=self._query,
                csv=self._query.csv("/api/conversations"),
                refusal=self._refusal,
                now=self._from.clock(),
                connect_lines=self._from.connect_lines,
            ),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""


def asked_conversations(query: ListQuery, now: datetime) -> ConversationsQuery:
    """As the read API asks. Raises InvalidQueryError."""
    return conversations_query(MultiDict({**query.filters, **query.set_order}), now)


def conversations_page(surroundings: Surroundings, _: str) -> Page:
    return ConversationsPage(surroundings)
