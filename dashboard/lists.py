"""How does a page of a list come about? Rows in the order that is asked for, and what each of them cost.

What people said of prices is asked for before a connection is taken: asking takes one too, and there are only so many.
"""

from collections.abc import Sequence

from dashboard.costs import found_of, priced_conversations, priced_requests
from dashboard.cursors import decode_rank, next_cursor
from dashboard.told import Sayings
from domain.ranking import ConversationMeasure, RequestMeasure, Sort
from projections.read_models import cost_queries, ranked_queries
from projections.read_models.connection import Connection
from projections.read_models.conversation_queries import ConversationFilter
from projections.read_models.request_queries import RequestFilter
from schemas.read_api import ConversationItem, Listing, RequestItem

Piece = tuple[str | None, int]
"""The cursor of the page before, and how many rows."""


async def requests(
    connection: Connection, wanted: RequestFilter, sort: Sort[RequestMeasure], piece: Piece, said: Sayings
) -> Listing[RequestItem]:
    """Raises InvalidQueryError for a cursor of another list, or of another order."""
    (cursor, limit), order = piece, f"requests {sort.name}"
    page = (decode_rank(order, cursor), limit + 1)
    found = await ranked_queries.requests(connection, wanted, sort, page, said.rates_of)
    items = await priced(connection, found.items[:limit], said)
    return Listing[RequestItem](items=items, next_cursor=next_cursor(order, found.ranks, limit))


async def conversations(
    connection: Connection, wanted: ConversationFilter, sort: Sort[ConversationMeasure], piece: Piece, said: Sayings
) -> Listing[ConversationItem]:
    """Raises InvalidQueryError for a cursor of another list, or of another order."""
    (cursor, limit), order = piece, f"conversations {sort.name}"
    page = (decode_rank(order, cursor), limit + 1)
    found = await ranked_queries.conversations(connection, wanted, sort, page, said.rates_of)
    items = await priced_talk(connection, found.items[:limit], said)
    return Listing[ConversationItem](items=items, next_cursor=next_cursor(order, found.ranks, limit))


async def priced(connection: Connection, items: Sequence[RequestItem], said: Sayings) -> list[RequestItem]:
    used = await cost_queries.by_request(connection, [item.request_id for item in items])
    return priced_requests(items, found_of(used, said))


async def priced_talk(
    connection: Connection, items: Sequence[ConversationItem], said: Sayings
) -> list[ConversationItem]:
    used = await cost_queries.by_conversation(connection, [item.conversation_id for item in items])
    return priced_conversations(items, found_of(used, said))
