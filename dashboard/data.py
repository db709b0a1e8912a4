"""Where does everything on the dashboard and in the read API come from? The only door to the read models.

Lists and rows come from the read models, bodies and streams from the events and their payload. While a projection has
no tables yet, lists are empty. Every method raises StoreUnavailableError when the database does not answer.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from dashboard import lists
from dashboard.as_of import Standing, item_as_of, stream_as_of
from dashboard.auditing import UNAUDITED, Audit, entry_of
from dashboard.costs import Costs, found_of, marked, retried
from dashboard.cursors import check_limit
from dashboard.details import RequestDetails, details_of
from dashboard.errors import InvalidQueryError
from dashboard.line_details import LineDetails
from dashboard.past import Asked, Past
from dashboard.plans import WithPlansSeen
from dashboard.recordings import ReadBytes, RecordedBytes, Recordings
from dashboard.request_usage import request_usage_of
from dashboard.savable import Kept, kept_by
from dashboard.searching import RANKED, SearchQuery, search_answer
from dashboard.standings import begun, open_then, standing_now, standing_then
from dashboard.statusline import status_line
from dashboard.told import Sayings, Told, nothing_told
from dashboard.trees import branches_of
from dashboard.usage import UsageQuery, answer_of, branches_in, dearest, folded, is_folded, is_ranked, question_of
from domain.audit import Act
from domain.cache_waste import costed, ranked, totals
from domain.ids import Position
from domain.ports import EventLog, Payloads
from domain.ranking import LATEST, NEWEST, ConversationMeasure, RequestMeasure, Sort
from domain.rate_cards import RateCards
from domain.search_query import as_tsquery, read_search
from domain.viewers import OWNER, Viewer
from projections.read_models import (
    cache_queries,
    conversation_queries,
    cost_queries,
    limit_queries,
    reading,
    request_queries,
    search_queries,
    session_queries,
    stream_queries,
    usage_queries,
    weights,
)
from projections.read_models.cache_queries import CacheFilter
from projections.read_models.connection import Connections
from projections.read_models.conversation_queries import ConversationFilter
from projections.read_models.narrowing import narrowed, sight_of
from projections.read_models.request_queries import Counts, RequestFilter
from projections.read_models.stream_queries import StreamRange
from schemas.cache_api import CacheInsights, CacheVerdictItem
from schemas.limits_api import WindowsAnswer
from schemas.read_api import ConversationItem, ConversationTree, EventItem, Listing, RequestItem
from schemas.search_api import SearchAnswer
from schemas.statusline_api import StatusLine
from schemas.stream_api import StreamInsights
from schemas.usage_api import RequestUsage, UsageAnswer

__all__ = ["CacheFilter", "ConversationFilter", "Counts", "DataStore", "RequestFilter", "StreamRange"]

DEFAULT_LIMIT = 50
MAX_ACCOUNTS = 20
"""``windows`` of all accounts tells of no more."""
AT_A_TIME = 40
"""Exchanges of a line of talk that are read together."""
COUNTED = 100_000
"""``counts`` counts no further: as many means "at least"."""


class DataStore:
    """Reads. Any number of calls may run at once. What the viewer may not see it does not have, or refuses by
    NotAllowedError."""

    viewer: Viewer = OWNER

    def __init__(
        self,
        connections: Connections,
        log: EventLog,
        payloads: Payloads,
        told: Told = nothing_told,
        audit: Audit = UNAUDITED,
    ) -> None:
        self._connections, self._log, self._audit = connections, log, audit
        self._told = WithPlansSeen(told, self._subscribed, time.monotonic)
        self._recordings, self._payloads = Recordings(log, payloads), payloads

    def seen_by(self, viewer: Viewer) -> "DataStore":
        """The same store, as this viewer is shown it; asked of the whole one, once for each viewer."""
        seen = copy(self)
        seen.viewer = viewer
        if not viewer.sees_all:
            seen._connections = partial(narrowed, self._connections, sight_of(viewer))  # noqa: SLF001  our own copy
            seen._recordings = self._recordings.seen_by(viewer)  # noqa: SLF001  our own copy
        return seen

    async def reveal(self, act: Act, about: UUID) -> None:
        """Asked before anything is given as it was recorded: it is noted first. Raises StoreUnavailableError."""
        self.viewer.check("raw")
        await self._audit.note(entry_of(self.viewer, act, about))

    async def _subscribed(self) -> list[str]:
        async with self._connections() as connection:
            return await limit_queries.subscribed(connection)

    async def requests(
        self,
        wanted: RequestFilter,
        *,
        sort: Sort[RequestMeasure] = NEWEST,
        after: Position | None = None,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Listing[RequestItem]:
        """A page of exchanges, the newest first or as ``sort`` says; ``cursor``: ``next_cursor`` of the page before.

        With ``after`` instead: the exchanges whose own events go on above that position, the oldest change first, as
        far as both projections have come; ``next_cursor`` is then the position to ask with next time, and never null.
        Raises InvalidQueryError.
        """
        check_limit(limit)
        if after is not None:
            if cursor is not None or sort != NEWEST:
                raise InvalidQueryError("after goes by what changed: give it without cursor, sort and order.")
            return await self._changed(wanted, after, limit)
        said = await self._told()
        async with self._connections() as connection:
            return await lists.requests(connection, wanted, sort, (cursor, limit), said)

    async def _changed(self, wanted: RequestFilter, after: Position, limit: int) -> Listing[RequestItem]:
        said = await self._told()
        async with self._connections() as connection:
            upto = await reading.reached(connection)
            found = await request_queries.changed(connection, wanted, after, upto, limit)
            items = await lists.priced(connection, found, said)
        end = after if self.viewer.accounts else max(after, upto)  # how much happens elsewhere is nobody's business
        seen = items[-1].position if len(items) == limit else max([end, *(item.position for item in items)])
        return Listing[RequestItem](items=items, next_cursor=str(seen))

    async def request(self, request_id: UUID) -> RequestItem | None:
        """None: unknown, or not projected yet."""
        said = await self._told()
        async with self._connections() as connection:
            found = await request_queries.one(connection, request_id)
            return found and (await lists.priced(connection, [found], said))[0]

    async def conversations(
        self,
        wanted: ConversationFilter,
        *,
        sort: Sort[ConversationMeasure] = LATEST,
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Listing[ConversationItem]:
        """A page of conversations, the one with the newest request first, or as ``sort`` says. Raises
        InvalidQueryError.

        A conversation that goes on while somebody pages has another place then; all others come exactly once.
        """
        check_limit(limit)
        said = await self._told()
        async with self._connections() as connection:
            return await lists.conversations(connection, wanted, sort, (cursor, limit), said)

    async def conversation(self, member: UUID) -> ConversationItem | None:
        """The conversation that an exchange belongs to, by the id of any of its exchanges. None: it has none."""
        said = await self._told()
        async with self._connections() as connection:
            found = await conversation_queries.one(connection, member)
            return found and (await lists.priced_talk(connection, [found], said))[0]

    async def titles(self, conversations: Sequence[UUID]) -> dict[UUID, str]:
        """What they are called, by their own ids; without those that are gone."""
        async with self._connections() as connection:
            return await conversation_queries.titles(connection, conversations)

    async def tree(self, member: UUID, as_of: datetime | None = None) -> ConversationTree | None:
        """The same with its branches and all its exchanges, in the order they were received; ``as_of``: as it stood
        then (``dashboard/as_of.py``), before it began without exchanges."""
        found = await self.standing(member, as_of)
        return found.tree if found else None

    async def standing(self, member: UUID, as_of: datetime | None = None, past: Past | None = None) -> Standing | None:
        """The same, and every moment at which something happened, also later; with its ``past`` no exchange is read."""
        self.viewer.check("text")
        said = await self._told()
        if past is not None and as_of is not None:
            return await self._stood(past, past.asked(as_of), said)
        async with self._connections() as connection:
            item = await conversation_queries.one(connection, member)
            if item is None:
                return None
            nodes = await conversation_queries.nodes(connection, item.conversation_id)
            if as_of is None:
                used = await cost_queries.by_branch(connection, item.conversation_id)
                if any(row.unrecorded for row in used):
                    nodes = marked(nodes, await cost_queries.lost(connection, item.conversation_id))
                item = (await lists.priced_talk(connection, [item], said))[0]
                attempts = await cost_queries.by_request(connection, retried(nodes))
                reports = await conversation_queries.agent_reports(connection, item.conversation_id)
                return await asyncio.to_thread(standing_now, item, nodes, (used, attempts), reports, said)
            nodes = marked(nodes, await cost_queries.lost(connection, item.conversation_id))
            used = await cost_queries.by_request(connection, begun(nodes, as_of))
        streams = (await self._recordings.streams(open_then(nodes, as_of))).values()
        return await asyncio.to_thread(standing_then, item, nodes, as_of, (used, streams), said)

    async def _stood(self, past: Past, asked: Asked, said: Sayings) -> Standing:
        async with self._connections() as connection:
            used = await cost_queries.until(connection, asked.conversation, asked.moment, asked.open, asked.alone)
        streams = (await self._recordings.streams(asked.open)).values()
        return Standing(await asyncio.to_thread(past.at, asked, used, streams, said), past.moments, past.nodes)

    async def branch_name(self, conversation: UUID, branch: UUID) -> str | None:
        """What a branch is called, without reading the whole tree. None: it is not there."""
        async with self._connections() as connection:
            opening = await conversation_queries.openings(connection, conversation)
        return next((one.name for one in branches_of(opening) if one.branch_id == branch), None)

    async def search(self, query: SearchQuery) -> SearchAnswer:
        """Where it was said. Raises InvalidSearchError, or InvalidQueryError for a limit or a cursor."""
        self.viewer.check("text")
        check_limit(query.limit)
        search, page, best_first = read_search(query.words), (query.limit, query.offset), query.order == "best"
        words = as_tsquery(search)
        async with self._connections() as connection:
            found = await search_queries.hits(connection, words, query.wanted, RANKED, page, best_first=best_first)
        return await asyncio.to_thread(search_answer, found, search, query.offset)

    async def windows(self, account: str | None, now: datetime, *, history: bool = True) -> WindowsAnswer:
        """Windows and limits, as headers told and tokens tell; ``account`` None: of those that were used last.
        ``history`` False: as they are now, without what they were before."""
        return await limit_queries.windows(self._connections, account, now, MAX_ACCOUNTS, history=history)

    async def usage(self, query: UsageQuery) -> UsageAnswer:
        """Tokens and money of a range, told apart as asked. Raises TooManyBucketsError."""
        said = await self._told()
        async with self._connections() as connection:
            task = query.wanted.get("subtask")
            below = await usage_queries.below(connection, task) if isinstance(task, UUID) else ()
            question = question_of(query, said, below)
            if is_folded(query):
                whole = await usage_queries.usage(connection, replace(question, bucket="none"))
                question = await asyncio.to_thread(folded, query, whole, said)
            elif is_ranked(query):
                question = dearest(query, question, await weights.tariffs(connection), said)
            found = await usage_queries.usage(connection, question)
            trees = await usage_queries.trees(connection, branches_in(query, found))
        return await asyncio.to_thread(answer_of, query, found, said, trees)

    async def request_usage(self, request_id: UUID) -> RequestUsage | None:
        """What an exchange used and cost, with the formula, and every attempt of its turn. None: unknown."""
        details = await self._details(request_id)
        if details is None:
            return None
        said = await self._told()
        async with self._connections() as connection:
            attempts = await cost_queries.attempts(connection, request_id)
        return await asyncio.to_thread(request_usage_of, details, attempts, said)

    async def cache_insights(self, wanted: CacheFilter, *, limit: int = DEFAULT_LIMIT) -> CacheInsights:
        """Why prompts were not read from the cache, and what it cost; the most expensive groups. Raises
        InvalidQueryError."""
        check_limit(limit)
        said = await self._told()
        async with self._connections() as connection:
            wastes = await cache_queries.waste(connection, wanted, said.price_days)
            compared = await cache_queries.compared(connection, wanted)
        found = await asyncio.to_thread(costed, wastes, RateCards(said.book))
        return CacheInsights(
            since=wanted.since,
            until=wanted.until,
            group_by=wanted.group_by,
            totals=totals(compared.requests, compared.prompt_tokens, found),
            items=ranked(found, limit),
        )

    async def cache_verdict(self, request_id: UUID) -> CacheVerdictItem | None:
        """What became of the prompt cache in a request. None: it is not projected yet, or in no line of talk."""
        said = await self._told()
        async with self._connections() as connection:
            return await cache_queries.verdict(connection, request_id, said.price_of)

    async def status_line(self, session: str, now: datetime) -> StatusLine:
        """One session at a glance; of one that was never seen, that."""
        said = await self._told()
        async with self._connections() as connection:
            standing = await session_queries.standing(connection, session)
            spent = await session_queries.spent(connection, session)
        account = standing.account if standing else None
        windows = await limit_queries.windows_of(self._connections, account, now, history=False) if account else None
        newest = (standing.model, standing.context_tokens) if standing else (None, None)
        dated = [(each.day, each.requests, each.line) for each in spent]
        return status_line(
            session,
            now,
            dated,
            said.book,
            newest=newest,
            windows=windows,
            subscription=standing is not None and said.plans.get(standing.account) == "subscription",
            unrecorded=sum(each.unrecorded for each in spent),
        )

    async def costs(self, requests: Sequence[UUID]) -> Costs:
        """What each of these exchanges cost, as far as anything is known of it."""
        said = await self._told()
        async with self._connections() as connection:
            return found_of(await cost_queries.by_request(connection, list(requests)), said)

    async def position(self) -> Position:
        """The newest position that both projections have taken in. Cheap: ask often whether to look again."""
        async with self._connections() as connection:
            return await reading.reached(connection)

    async def newest_position(self) -> Position:
        """The newest position in the event store; ``position`` lags behind it."""
        return await self._log.newest()

    async def summary(self) -> Counts:
        """How many requests, conversations and open requests there are, each counted up to COUNTED."""
        async with self._connections() as connection:
            return await request_queries.counts(connection, COUNTED)

    async def stream_insights(self, wanted: StreamRange) -> StreamInsights:
        """How the answers of a time came; of very many, the newest are looked at."""
        async with self._connections() as connection:
            return await stream_queries.insights(connection, wanted)

    async def saved_filters(self) -> Kept:
        return await kept_by(self._log, self.viewer)

    async def request_body(self, request_id: UUID) -> RecordedBytes | None:
        """The request's body as it was sent. None: unknown. Raises PayloadMissingError: erased."""
        return await self._revealed("read-body", request_id, self._recordings.request_bytes)

    async def response_bytes(self, request_id: UUID) -> RecordedBytes | None:
        """The answer as far as it is recorded. None: unknown. Raises PayloadMissingError: erased."""
        return await self._revealed("read-response", request_id, self._recordings.response_bytes)

    async def _revealed(self, act: Act, request_id: UUID, read: ReadBytes) -> RecordedBytes | None:
        self.viewer.check("raw")
        found = await read(request_id)
        if found is not None:
            await self.reveal(act, request_id)
        return found

    async def events(self, request_id: UUID) -> list[EventItem]:
        """The exchange's stream by version; empty: unknown."""
        self.viewer.check("text")
        return await self._recordings.event_items(request_id)

    async def details(self, request_id: UUID, as_of: datetime | None = None) -> RequestDetails | None:
        """Everything about one exchange, its bodies taken apart. None: unknown. Erased payload is said to be so.

        ``as_of``: as far as it had come then. None: it had not begun.
        """
        self.viewer.check("text")
        return await self._details(request_id, as_of)

    async def _details(self, request_id: UUID, as_of: datetime | None = None) -> RequestDetails | None:
        stream = await self._recordings.stream(request_id)
        if stream is not None and as_of is not None:
            stream = stream_as_of(stream, as_of)
        if stream is None:
            return None
        item = await self.request(request_id)
        if item is not None and as_of is not None:
            item = item_as_of(item, as_of, stream)
        body, answer = await self._recordings.both_of(stream)
        return await asyncio.to_thread(details_of, stream, item, body, answer)  # large bodies take a while

    async def line_details(self, request_ids: Sequence[UUID]) -> AsyncIterator[RequestDetails | None]:
        """The same of many exchanges of a line of talk, in order: what their requests share is read once, and the
        text of a sent body may stand empty."""
        self.viewer.check("text")
        line = LineDetails(self._recordings, self._payloads, f"{secrets.token_hex(16)}:")
        for start in range(0, len(request_ids), AT_A_TIME):
            some = request_ids[start : start + AT_A_TIME]
            said = await self._told()
            async with self._connections() as connection:
                items = await lists.priced(connection, await request_queries.these(connection, some), said)
            for one in await line.read(some, {item.request_id: item for item in items}):
                yield one
