"""A store for the screens that needs no database: what it holds is set, and it can be away."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from dashboard.as_of import Standing, conversation_as_of, moments_of, nodes_as_of
from dashboard.costs import Costs
from dashboard.data import MAX_ACCOUNTS, CacheFilter, ConversationFilter, DataStore, RequestFilter, StreamRange
from dashboard.details import RequestDetails
from dashboard.errors import InvalidQueryError
from dashboard.past import Past
from dashboard.request_usage import request_usage_of
from dashboard.savable import Kept
from dashboard.searching import SearchQuery
from dashboard.told import Sayings
from dashboard.usage import UsageQuery
from domain.audit import Act
from domain.cache_waste import totals
from domain.costs import CostSum
from domain.errors import StoreUnavailableError
from domain.ids import Position
from domain.ranking import LATEST, NEWEST, ConversationMeasure, RequestMeasure, Sort
from domain.search_query import read_search
from domain.usage_sums import Attempt
from domain.viewers import OWNER, Viewer
from schemas.cache_api import CacheInsights, CacheVerdictItem
from schemas.limits_api import AccountWindows, WindowsAnswer
from schemas.read_api import ConversationItem, ConversationTree, EventItem, Listing, RequestItem
from schemas.search_api import SearchAnswer
from schemas.stream_api import StreamInsights
from schemas.usage_api import RequestUsage, UsageAnswer
from tests.limit_samples import without_history
from tests.ranked_lists import sorted_conversations, sorted_requests
from tests.read_rows import START, stream_group
from tests.usage_samples import usage_answer


@dataclass
class FakeDataStore(DataStore):
    """Answers from lists; ``asked`` tells which questions were put."""

    items: list[RequestItem] = field(default_factory=list)
    trees: list[ConversationTree] = field(default_factory=list)
    all_details: dict[UUID, RequestDetails] = field(default_factory=dict)
    all_events: dict[UUID, list[EventItem]] = field(default_factory=dict)
    newest: int = 1
    away: bool = False
    refusal: str = ""
    """Why the next list is refused; empty: it is not."""
    asked: list[str] = field(default_factory=list)
    accounts: list[AccountWindows] = field(default_factory=list)
    waste: CacheInsights | None = None
    flows: StreamInsights | None = None
    used: Callable[[UsageQuery], UsageAnswer] | None = None
    verdicts: dict[UUID, CacheVerdictItem] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    """Of the turn of whatever request is asked for."""
    said: Sayings = field(default_factory=Sayings)
    hits: SearchAnswer = SearchAnswer(items=[], total=0, at_least=False, next_cursor=None)  # noqa: RUF009 - frozen
    """What every search finds."""
    wanted: list[object] = field(default_factory=list)
    """What insights, usage and searches were asked for."""
    viewer: Viewer = OWNER
    kept: dict[str, Kept] = field(default_factory=dict)
    """What is saved, by person id."""
    revealed: list[tuple[Act, UUID]] = field(default_factory=list)
    """What was to be noted."""
    pasts: list[Past | None] = field(default_factory=list)
    """With which past each tree was asked for."""
    lines: list[tuple[UUID, ...]] = field(default_factory=list)
    """Which exchanges were asked for together."""

    def seen_by(self, viewer: Viewer) -> DataStore:
        """It has what it has, whoever looks; ``viewer`` tells who did."""
        self.viewer = viewer
        return self

    async def saved_filters(self) -> Kept:
        self._ask("saved_filters")
        return self.kept.get(self.viewer.person_id, ()) if self.viewer.person_id is not None else ()

    async def reveal(self, act: Act, about: UUID) -> None:
        self.viewer.check("raw")
        self._ask("reveal")
        self.revealed.append((act, about))

    async def cache_insights(self, wanted: CacheFilter, *, limit: int = 50) -> CacheInsights:
        self._ask("cache_insights")
        self.wanted.append(wanted)
        empty = CacheInsights(
            since=wanted.since, until=wanted.until, group_by=wanted.group_by, totals=totals(0, 0, []), items=[]
        )
        found = self.waste or empty
        return found.model_copy(update={"items": found.items[:limit]})

    async def usage(self, query: UsageQuery) -> UsageAnswer:
        self._ask("usage")
        self.wanted.append(query)
        return self.used(query) if self.used else usage_answer()

    async def request_usage(self, request_id: UUID) -> RequestUsage | None:
        self._ask("request_usage")
        details = self.all_details.get(request_id)
        return request_usage_of(details, self.attempts, self.said) if details else None

    async def cache_verdict(self, request_id: UUID) -> CacheVerdictItem | None:
        self._ask("cache_verdict")
        return self.verdicts.get(request_id)

    async def stream_insights(self, wanted: StreamRange) -> StreamInsights:
        self._ask("stream_insights")
        self.wanted.append(wanted)
        return self.flows or no_streams(wanted)

    async def search(self, query: SearchQuery) -> SearchAnswer:
        """Refuses what the real one refuses."""
        self._ask("search")
        read_search(query.words)
        self.wanted.append(query)
        assert query.offset >= 0
        return self.hits

    async def windows(self, account: str | None, now: datetime, *, history: bool = True) -> WindowsAnswer:
        self._ask("windows")
        found = [one if history else without_history(one) for one in self.accounts if account in {None, one.account}]
        return WindowsAnswer(as_of=now, accounts=found[:MAX_ACCOUNTS])

    async def costs(self, requests: Sequence[UUID]) -> Costs:
        self._ask("costs")
        return {item.request_id: cost_sum(item) for item in self.items if item.request_id in requests}

    async def position(self) -> Position:
        self._ask("position")
        return Position(self.newest)

    async def requests(
        self,
        wanted: RequestFilter,
        *,
        sort: Sort[RequestMeasure] = NEWEST,
        after: Position | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing[RequestItem]:
        self._ask("requests")
        fitting = [item for item in self.items if self._fits(item, wanted)]
        if after is not None:
            changed = sorted((item for item in fitting if item.position > after), key=lambda item: item.position)
            return Listing[RequestItem](items=changed[:limit], next_cursor=str(self.newest))
        page, more = _page(sorted_requests(fitting, sort), cursor, limit)
        return Listing[RequestItem](items=page, next_cursor=more)

    async def request(self, request_id: UUID) -> RequestItem | None:
        self._ask("request")
        return next((item for item in self.items if item.request_id == request_id), None)

    async def conversations(
        self,
        wanted: ConversationFilter,
        *,
        sort: Sort[ConversationMeasure] = LATEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing[ConversationItem]:
        self._ask("conversations")
        fitting = [tree.conversation for tree in self.trees if _is_wanted(tree.conversation, wanted)]
        page, more = _page(sorted_conversations(fitting, sort), cursor, limit)
        return Listing[ConversationItem](items=page, next_cursor=more)

    async def conversation(self, member: UUID) -> ConversationItem | None:
        tree = await self.tree(member)
        return tree.conversation if tree else None

    async def titles(self, conversations: Sequence[UUID]) -> dict[UUID, str]:
        self._ask("titles")
        every = {tree.conversation.conversation_id: tree.conversation.title for tree in self.trees}
        return {one: every[one] for one in conversations if one in every}

    async def standing(self, member: UUID, as_of: datetime | None = None, past: Past | None = None) -> Standing | None:
        self._ask("tree" if as_of is None else f"tree as of {as_of:%H:%M:%S}")
        self.pasts.append(past)
        tree = self._tree_of(member)
        if tree is None:
            return None
        moments = moments_of(tree.nodes)
        if as_of is None:
            return Standing(tree, moments, tree.nodes)
        nodes = nodes_as_of(tree.nodes, as_of, {})
        conversation = conversation_as_of(tree.conversation, nodes, {})
        return Standing(tree.model_copy(update={"nodes": nodes, "conversation": conversation}), moments, tree.nodes)

    async def branch_name(self, conversation: UUID, branch: UUID) -> str | None:
        self._ask("branch_name")
        tree = self._tree_of(conversation)
        return next((one.name for one in tree.branches if one.branch_id == branch), None) if tree else None

    async def events(self, request_id: UUID) -> list[EventItem]:
        self._ask("events")
        return self.all_events.get(request_id, [])

    async def details(self, request_id: UUID, as_of: datetime | None = None) -> RequestDetails | None:
        self._ask("details" if as_of is None else f"details as of {as_of:%H:%M:%S}")
        return self.all_details.get(request_id)

    async def line_details(self, request_ids: Sequence[UUID]) -> AsyncIterator[RequestDetails | None]:
        self._ask("line_details")
        self.lines.append(tuple(request_ids))
        for one in request_ids:
            yield self.all_details.get(one)

    def put_tree(self, tree: ConversationTree) -> None:
        """In the place of the one with the same id, as something new."""
        self.trees = [
            one for one in self.trees if one.conversation.conversation_id != tree.conversation.conversation_id
        ]
        self.trees.append(tree)
        self.newest += 1

    def put_item(self, item: RequestItem) -> None:
        self.newest += 1
        item = item.model_copy(update={"position": self.newest})
        self.items = [one for one in self.items if one.request_id != item.request_id]
        self.items.append(item)

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.away:
            raise StoreUnavailableError
        if self.refusal and question in {"requests", "conversations"}:
            raise InvalidQueryError(self.refusal)

    def _tree_of(self, member: UUID) -> ConversationTree | None:
        return next((tree for tree in self.trees if any(node.request_id == member for node in tree.nodes)), None)

    def _fits(self, item: RequestItem, wanted: RequestFilter) -> bool:
        tree = self._tree_of(wanted.conversation) if wanted.conversation else None
        conversation = tree.conversation.conversation_id if tree else wanted.conversation
        pairs = (
            (conversation, item.conversation_id),
            (wanted.session, item.session_id),
            (wanted.request_class, item.request_class),
            (wanted.model, item.model),
            (wanted.status, item.status),
            (wanted.outcome, item.outcome),
            (wanted.account, item.account),
            (wanted.project, item.project),
        )
        return _is_between(item.received_at, wanted) and all(asked is None or asked == given for asked, given in pairs)


def _is_between(moment: datetime, wanted: RequestFilter | ConversationFilter) -> bool:
    since, until = wanted.since or moment, wanted.until
    return since <= moment and (until is None or moment < until)


def _is_wanted(item: ConversationItem, wanted: ConversationFilter) -> bool:
    return (
        (wanted.title is None or wanted.title.lower() in item.title.lower())
        and wanted.project in {None, item.project}
        and wanted.account in {None, item.account}
        and (wanted.session is None or wanted.session in item.session_ids)
        and _is_between(item.last_at, wanted)
    )


def cost_sum(item: RequestItem) -> CostSum:
    """As much as the item tells of it."""
    cost = item.cost_usd
    return CostSum(
        amount=cost or None,
        is_free=cost == 0,
        is_unpriced=cost is None and not item.unrecorded,
        unrecorded=int(item.unrecorded),
    )


T = TypeVar("T")


def _page(rows: Sequence[T], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
        raise InvalidQueryError(f"cursor={cursor} is none of this list")
    start = int(cursor or 0)
    end = start + limit
    return list(rows[start:end]), str(end) if end < len(rows) else None


def no_streams(wanted: StreamRange) -> StreamInsights:
    return StreamInsights(
        since=wanted.since or START,
        until=wanted.until or START,
        examined=0,
        complete=True,
        stalled_after_ms=30_000,
        slow_start_after_ms=10_000,
        total=stream_group(),
        models=[],
        accounts=[],
        examples=[],
    )
