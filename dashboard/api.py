"""What does the read API answer? One handler for each route; everything it knows comes from the DataStore."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp.web import Request, RequestKey, Response

from dashboard.answers import bytes_answer, csv_answer, file_answer, json_answer, plain_json_answer
from dashboard.compare_answer import answered, reason_of
from dashboard.comparing import NotCompared
from dashboard.data import DataStore
from dashboard.errors import InvalidQueryError
from dashboard.exporting import CONTENT_TYPES, export
from dashboard.queries import (
    cache_query,
    compare_query,
    conversations_query,
    export_query,
    request_id_of,
    requests_query,
    search_query,
    statusline_query,
    streams_query,
    tree_query,
    windows_query,
)
from dashboard.refusals import RefusedError
from dashboard.savable import saved_answer
from dashboard.usage_query import usage_query
from domain.errors import StoreUnavailableError
from domain.ports import Clock
from domain.search_query import InvalidSearchError
from domain.usage_ranges import TooManyBucketsError
from domain.viewers import Viewer
from schemas.read_api import ConversationItem, EventItem, Listing, RequestItem

VIEWER = RequestKey("nexus-viewer", Viewer)
"""Noted in a request that was let in: who asks."""
_HEALTH_DEADLINE_S = 3.0


class ReadApi:
    """The handlers under ``/api``. Whoever gets here has been let in."""

    def __init__(self, store: DataStore, is_worker_up: Callable[[], Awaitable[bool]], clock: Clock) -> None:
        self._whole, self._is_worker_up, self._clock = store, is_worker_up, clock

    def _of(self, request: Request) -> DataStore:
        """The store, as who asks is shown it."""
        return self._whole.seen_by(request[VIEWER])

    async def requests(self, request: Request) -> Response:
        query = requests_query(request.query, self._clock())
        page = query.page
        listing = await self._of(request).requests(
            query.wanted, sort=query.sort, after=page.after, cursor=page.cursor, limit=page.limit
        )
        if page.form == "csv":
            return await csv_answer(request, RequestItem, listing, "requests.csv")
        return await json_answer(request, listing)

    async def request(self, request: Request) -> Response:
        request_id = _id_in(request)
        item = await self._of(request).request(request_id)
        if item is None:
            raise _unknown(request_id)
        return await json_answer(request, item)

    async def body(self, request: Request) -> Response:
        request_id = _id_in(request)
        recorded = await self._of(request).request_body(request_id)
        if recorded is None:
            raise _unknown(request_id)
        return bytes_answer(recorded, f"{request_id}.request")

    async def response(self, request: Request) -> Response:
        request_id = _id_in(request)
        recorded = await self._of(request).response_bytes(request_id)
        if recorded is None:
            raise _unknown(request_id)
        return bytes_answer(recorded, f"{request_id}.response")

    async def events(self, request: Request) -> Response:
        request_id = _id_in(request)
        events = await self._of(request).events(request_id)
        if not events:
            raise _unknown(request_id)
        return await json_answer(request, Listing[EventItem](items=events, next_cursor=None))

    async def request_usage(self, request: Request) -> Response:
        request_id = _id_in(request)
        used = await self._of(request).request_usage(request_id)
        if used is None:
            raise _unknown(request_id)
        return await json_answer(request, used)

    async def conversations(self, request: Request) -> Response:
        query = conversations_query(request.query, self._clock())
        listing = await self._of(request).conversations(
            query.wanted, sort=query.sort, cursor=query.page.cursor, limit=query.page.limit
        )
        if query.page.form == "csv":
            return await csv_answer(request, ConversationItem, listing, "conversations.csv")
        return await json_answer(request, listing)

    async def conversation(self, request: Request) -> Response:
        member = _id_in(request)
        item = await self._of(request).conversation(member)
        if item is None:
            raise _unknown(member, "conversation with a request")
        return await json_answer(request, item)

    async def tree(self, request: Request) -> Response:
        member = _id_in(request)
        tree = await self._of(request).tree(member, tree_query(request.query))
        if tree is None:
            raise _unknown(member, "conversation with a request")
        return await json_answer(request, tree)

    async def export(self, request: Request) -> Response:
        member, query = _id_in(request), export_query(request.query)
        found = await export(self._of(request), member, query)
        if found is None:
            raise _unknown(member, "conversation with a request")
        return await file_answer(request, found, CONTENT_TYPES[query.form], f"conversation-{member}.{query.form}")

    async def compare(self, request: Request) -> Response:
        query = compare_query(request.query)
        found = await answered(self._of(request), query)
        if isinstance(found, NotCompared):
            raise RefusedError(404 if found.reason == "unknown" else 400, reason_of(found, query))
        return await json_answer(request, found)

    async def windows(self, request: Request) -> Response:
        return await json_answer(request, await self._of(request).windows(windows_query(request.query), self._clock()))

    async def streams(self, request: Request) -> Response:
        return await json_answer(request, await self._of(request).stream_insights(streams_query(request.query)))

    async def usage(self, request: Request) -> Response:
        query = usage_query(request.query, self._clock())
        try:
            return await json_answer(request, await self._of(request).usage(query))
        except TooManyBucketsError as error:
            raise InvalidQueryError(str(error)) from error

    async def search(self, request: Request) -> Response:
        query = search_query(request.query)
        try:
            return await json_answer(request, await self._of(request).search(query))
        except InvalidSearchError as error:
            raise InvalidQueryError(str(error)) from error

    async def filters(self, request: Request) -> Response:
        return await json_answer(request, saved_answer(await self._of(request).saved_filters()))

    async def cache_insights(self, request: Request) -> Response:
        query = cache_query(request.query)
        return await json_answer(request, await self._of(request).cache_insights(query.wanted, limit=query.limit))

    async def statusline(self, request: Request) -> Response:
        """JSON, or the line alone."""
        session, form = statusline_query(request.query)
        answer = await self._of(request).status_line(session, self._clock())
        if form == "text":
            return Response(text=f"{answer.text}\n")
        return await json_answer(request, answer)

    async def health(self, request: Request) -> Response:
        """Always 200: who answers is up. ``degraded``: the pages or the database are not."""
        pages = "up" if await self._is_worker_up() else "starting"
        try:
            async with asyncio.timeout(_HEALTH_DEADLINE_S):
                projected = await self._of(request).position()
                newest = await self._of(request).newest_position()
        except (StoreUnavailableError, TimeoutError):
            store: dict[str, object] = {"status": "away"}
        else:
            store = {"status": "up"}
            if request[VIEWER].accounts is None:  # how much happens elsewhere is nobody's business
                store |= {"newest": newest, "projected": projected, "lag": max(0, newest - projected)}
        fine = pages == store["status"] == "up"
        return await plain_json_answer(
            request, {"status": "ok" if fine else "degraded", "pages": pages, "store": store}
        )

    async def unknown_route(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            raise RefusedError(405, "The API only reads; use GET.", {"Allow": "GET, HEAD"})
        raise RefusedError(404, f"There is no route {request.path[:200]}; the README lists them.")


def _id_in(request: Request) -> UUID:
    """The id in the path. Raises RefusedError: what is no id is unknown, like any other that is not there."""
    text = request.match_info["id"]
    try:
        return request_id_of("id", text)
    except InvalidQueryError:
        raise _unknown(text) from None


def _unknown(request_id: UUID | str, what: str = "request") -> RefusedError:
    return RefusedError(404, f"There is no {what} {str(request_id)[:80]}.")
