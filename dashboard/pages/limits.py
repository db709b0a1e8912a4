"""How full are the windows of each account? Bars with their resets, and the history of one of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from markupsafe import Markup

from dashboard import limit_figures
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.queries import ListQuery, read_query
from dashboard.views.limit_rows import chosen_window, history_of, in_order, key_row, tightest, window_row, window_title
from schemas.limits_api import AccountWindows, WindowItem, WindowsAnswer

PATH = "/limits"
STATE = ("account", "window", "span")
SPANS: Mapping[str, timedelta] = MappingProxyType(
    {"day": timedelta(days=1), "week": timedelta(days=7), "all": timedelta(weeks=8)}
)
"""How much of the history the chart begins with."""
DAYLONG = timedelta(days=1)
"""A window that is longer begins with all of its history."""


class LimitsPage:
    """Windows and limits of all accounts."""

    name = section = "limits"
    title = "Limits · Nexus"
    region_names = ("accounts", "chart")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._read: WindowsAnswer | None = None
        self._chart = limit_figures.limit_chart()
        self._drawn: tuple[object, ...] = ()
        """Which history the chart holds, and how much of it; its zoom is the reader's until that changes."""

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, STATE)
        await self.follow()

    async def follow(self) -> None:
        """All as they are now, and the history of the one whose chart is shown."""
        store, now = self._from.store, self._from.clock()
        found = await store.windows(None, now, history=False)
        accounts = in_order(found.accounts)
        asked = self._query.filters.get("account") or next((one.account for one in accounts if one.windows), None)
        told = {one.account: one for one in (await store.windows(asked, now)).accounts} if asked else {}
        accounts = [told.pop(one.account, one) for one in accounts]
        self._read = found.model_copy(update={"accounts": in_order([*accounts, *told.values()])})

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link."""

    def regions(self) -> Regions:
        accounts = self._read.accounts if self._read else []
        account, window = self._chosen()
        return {
            "accounts": render(
                "limit_accounts.html",
                accounts=[(one, [self._linked(one, window) for window in one.windows]) for one in accounts],
                key_row=key_row,
                tightest=tightest,
                chosen=(account.account, window.name) if account and window else None,
                now=self._from.clock(),
                connect_lines=self._from.connect_lines,
            ),
            "chart": self._chart_head(account, window),
        }

    def _linked(self, account: AccountWindows, window: WindowItem) -> tuple[object, str]:
        return window_row(window), self._to(account=account.account, window=window.name)

    def _chart_head(self, account: AccountWindows | None, window: WindowItem | None) -> Markup:
        if account is None or window is None:
            return Markup()
        return render(
            "limit_chart.html",
            account=account.account,
            title=window_title(window),
            points=len(history_of(window, self._from.clock()).levels),
            spans=[(name, self._to(span=name)) for name in SPANS],
            span=self._span(window),
        )

    def figures(self) -> Mapping[str, object]:
        return {"history": self._chart.figure}

    def paint(self) -> None:
        account, window = self._chosen()
        if account is None or window is None:
            return
        now = self._from.clock()
        history = history_of(window, now)
        wanted = (account.account, window.name, self._span(window), bool(history.levels))
        limit_figures.show_history(self._chart, history, self._since(window, now) if wanted != self._drawn else None)
        self._drawn = wanted

    def _chosen(self) -> tuple[AccountWindows | None, WindowItem | None]:
        """What the address asks for, else the first account with a window."""
        accounts = self._read.accounts if self._read else []
        filters = self._query.filters
        asked = [one for one in accounts if one.account == filters.get("account")]
        account = next(iter([*asked, *(one for one in accounts if one.windows), *accounts]), None)
        return account, chosen_window(account, filters.get("window", "")) if account else None

    def _span(self, window: WindowItem) -> str:
        asked = self._query.filters.get("span", "")
        if asked in SPANS:
            return asked
        is_long = window.length_s is not None and timedelta(seconds=window.length_s) >= DAYLONG
        return "all" if is_long else "day"

    def _since(self, window: WindowItem, now: datetime) -> datetime:
        return now - SPANS[self._span(window)]

    def _to(self, **changes: str) -> str:
        return replace(self._query, filters={**self._query.filters, **changes}).url


def limits_page(surroundings: Surroundings, _: str) -> Page:
    return LimitsPage(surroundings)
