"""What is happening now, and is today as usual? Its numbers, who spends, what failed, which windows are nearly full."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from markupsafe import Markup

from dashboard.data import RequestFilter
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.usage import By, UsageQuery
from dashboard.views.overview_rows import SPENDERS, failures, hours, near_limits, spenders, tiles
from domain.overview import DAYS
from schemas.limits_api import AccountWindows
from schemas.read_api import RequestItem
from schemas.usage_api import UsageAnswer, UsageItem

RUNNING, NEWEST = 6, 6
LOOKED_AT = 200
"""So many of today's newest requests are looked through for failures."""
TOP = 3
REST = timedelta(seconds=30)
"""What is usual, and the windows, are asked for so often; all else whenever something happened."""


class OverviewPage:
    """The first page: today."""

    name = section = "overview"
    title = "Overview · Nexus"
    region_names = ("today", "now", "spenders", "failures", "limits")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._looked_at: datetime | None = None
        """When what is usual was asked for."""
        self._before: Sequence[UsageItem] = ()
        self._accounts: Sequence[AccountWindows] = ()
        self._hours: UsageAnswer | None = None
        self._spenders: dict[By, UsageAnswer] = {}
        self._running: Sequence[RequestItem] = ()
        self._newest: Sequence[RequestItem] = ()
        self._midnight = self._day_of(surroundings.clock())

    async def load(self, search: str) -> None:  # noqa: ARG002  there is nothing to choose
        self._looked_at = None
        await self.follow()

    async def follow(self) -> None:
        store, now = self._from.store, self._from.clock()
        self._midnight = self._day_of(now)
        today = UsageQuery(since=self._midnight, until=max(now, self._midnight + timedelta(seconds=1)))
        self._hours, running, newest, tops = await gather(
            store.usage(replace(today, bucket="hour")),
            store.requests(RequestFilter(outcome="open"), limit=RUNNING),
            store.requests(RequestFilter(since=self._midnight), limit=LOOKED_AT),
            gather(*(store.usage(replace(today, group_by=(by,), limit=TOP)) for by in SPENDERS)),
        )
        self._spenders = dict(zip(SPENDERS, tops, strict=True))
        self._running, self._newest = running.items, newest.items
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < REST:
            self._looked_at = now
            days = [timedelta(days=day) for day in range(1, DAYS + 1)]
            past = [replace(today, since=today.since - day, until=today.until - day) for day in days]
            windows, before = await gather(store.windows(None, now, history=False), gather(*map(store.usage, past)))
            self._accounts, self._before = windows.accounts, [answer.total for answer in before]

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        found = self._hours
        now = self._from.clock()
        if found is None or not (found.total.requests or self._newest or any(day.requests for day in self._before)):
            empty = render("overview_empty.html", connect_lines=self._from.connect_lines)
            return {"today": empty, **dict.fromkeys(self.region_names[1:], Markup())}
        return {
            "today": render(
                "overview_today.html",
                tiles=tiles(found.total, self._before),
                hours=hours(found, self._midnight),
                total=found.total,
                now=now,
            ),
            "now": render("overview_now.html", running=self._running, newest=self._newest[:NEWEST], now=now),
            "spenders": render(
                "overview_spenders.html",
                tables=[(title, spenders(self._spenders[by], by)) for by, title in SPENDERS.items()],
            ),
            "failures": render(
                "overview_failures.html",
                total=found.total,
                failed=failures(self._newest),
                looked_at=len(self._newest),
                now=now,
            ),
            "limits": render("overview_limits.html", near=near_limits(self._accounts), now=now),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""

    @staticmethod
    def _day_of(now: datetime) -> datetime:
        return now.replace(hour=0, minute=0, second=0, microsecond=0)


def overview_page(surroundings: Surroundings, _: str) -> Page:
    return OverviewPage(surroundings)
