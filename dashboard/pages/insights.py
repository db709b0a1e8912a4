"""What stands out? Why the prompt cache was not read and what it cost, and answers that did not come as they should."""

from asyncio import gather
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import get_args

from dashboard.data import CacheFilter, StreamRange
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.queries import ListQuery, read_query
from dashboard.views.cache_causes import words_of
from schemas.cache_api import CacheInsights, GroupBy
from schemas.stream_api import StreamExample, StreamInsights

PATH = "/insights"
STATE = ("range", "group_by", "conversation", "rows")
RANGES: Mapping[str, timedelta] = MappingProxyType(
    {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
)
USUAL = "7d"
GROUPS: tuple[GroupBy, ...] = get_args(GroupBy)
ROWS = 30
FEW = 8
"""So many rows of a ranking are shown until all are asked for."""


class InsightsPage:
    """Causes of cache misses, and streams that stand out, in a span of time."""

    name = section = "insights"
    title = "Insights · Nexus"
    region_names = ("cache", "choices", "streams")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._cache: CacheInsights | None = None
        self._streams: StreamInsights | None = None

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, STATE)
        await self.follow()

    async def follow(self) -> None:
        since, store = self._since(), self._from.store
        conversation = member_of(self._query.filters.get("conversation", ""))
        wanted = CacheFilter(since=since, until=None, group_by=self._group, conversation=conversation)
        self._cache, self._streams = await gather(
            store.cache_insights(wanted, limit=ROWS), store.stream_insights(StreamRange(since, None))
        )

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        return {
            "choices": render(
                "insight_choices.html",
                ranges=[(name, self._to(range=name)) for name in RANGES],
                range=self._range,
                conversation=self._query.filters.get("conversation"),
                everywhere=replace(
                    self._query, filters={k: v for k, v in self._query.filters.items() if k != "conversation"}
                ).url,
            ),
            "cache": render(
                "cache_waste.html",
                found=self._cache,
                words_of=words_of,
                groups=[(name, self._to(group_by=name)) for name in GROUPS],
                group=self._group,
                connect_lines=self._from.connect_lines,
                few=self._few,
                all_rows=self._to(rows="all"),
            ),
            "streams": render(
                "stream_findings.html",
                found=self._streams,
                examples=_by_finding(self._streams.examples) if self._streams else {},
                now=self._from.clock(),
                few=self._few,
                all_rows=self._to(rows="all"),
            ),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""

    @property
    def _range(self) -> str:
        asked = self._query.filters.get("range", USUAL)
        return asked if asked in RANGES else USUAL

    @property
    def _group(self) -> GroupBy:
        asked = self._query.filters.get("group_by")
        return next((one for one in GROUPS if one == asked), "cause")

    @property
    def _few(self) -> int:
        return ROWS if self._query.filters.get("rows") == "all" else FEW

    def _since(self) -> datetime:
        return self._from.clock() - RANGES[self._range]

    def _to(self, **changes: str) -> str:
        return replace(self._query, filters={**self._query.filters, **changes}).url


def _by_finding(examples: list[StreamExample]) -> Mapping[str, list[StreamExample]]:
    found = defaultdict[str, list[StreamExample]](list)
    for one in examples:
        found[one.finding].append(one)
    return found


def insights_page(surroundings: Surroundings, _: str) -> Page:
    return InsightsPage(surroundings)
