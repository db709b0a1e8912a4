"""What was used, and what did it cost? Bars over time, tables that follow a brush, and what if it had been otherwise.

All that is chosen stands in the address: span, zone, dimension, measure, filters, brush and assumptions.
"""

from asyncio import gather
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import urlencode
from uuid import UUID

from markupsafe import Markup
from multidict import MultiDict

from dashboard import usage_figures
from dashboard.errors import InvalidQueryError
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.queries import ListQuery, read_query
from dashboard.usage import By, UsageQuery, Value
from dashboard.usage_query import usage_query
from dashboard.views.usage_ranges import CUSTOM, DAYS, Span, span_of
from dashboard.views.usage_rows import (
    BY_NAMES,
    KIND_NAMES,
    MEASURES,
    Measure,
    Row,
    bars_of,
    conversation_label,
    notes_of,
    rows_of,
    task_rows,
    tints_of,
    total_row,
)
from domain.usage_ranges import TooManyBucketsError
from schemas.usage_api import UsageAnswer

PATH = "/usage"
FILTERS = (*BY_NAMES, "scope", "conversation")
ASSUMED = ("as_model", "ttl", "cache")
STATE = ("range", "since", "until", "tz", "by", "measure", *FILTERS, "from", "to", *ASSUMED)
_TYPED = ("since", "until", *ASSUMED)
"""Fields of the form."""
SERIES, ROWS, CONVERSATIONS, TASKS = 8, 30, 10, 20
LONGEST_OF_TALKS = timedelta(days=31)
"""Conversations of a longer time are too many to be ranked while somebody waits."""
SUBAGENTS: Mapping[By, Value] = MappingProxyType({"class": "subagent"})
_TOO_LONG = f"Sub-tasks of more than {LONGEST_OF_TALKS.days} days are not told apart; choose a shorter span."
_NEXT: Mapping[str, By] = MappingProxyType(dict(zip(BY_NAMES, [*list(BY_NAMES)[1:], "model"], strict=True)))


class UsagePage:
    """Usage of a span of time."""

    name = section = "usage"
    title = "Usage · Nexus"
    region_names = ("tables", "choices", "legend")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._query = ListQuery(PATH)
        self._span: Span = span_of({}, surroundings.clock())
        self._refusal = ""
        self._series: UsageAnswer | None = None
        self._table: UsageAnswer | None = None
        self._talks: UsageAnswer | None = None
        self._agents: UsageAnswer | None = None
        self._known: list[tuple[UsageQuery | None, UsageAnswer | None]] = []
        """What was answered since the store was last looked at: it is not asked again."""
        self._titles: dict[str, str] = {}
        self._chart = usage_figures.usage_chart()
        self._drawn: tuple[object, ...] = ()
        """Which span the chart holds; its zoom is the reader's until that changes."""

    async def load(self, search: str) -> None:
        self._query = read_query(PATH, search, STATE)
        await self._read()

    async def follow(self) -> None:
        self._known = []
        await self._read()

    async def _read(self) -> None:
        self._span = span_of(self._query.filters, self._from.clock())
        try:
            questions = self._questions()
            answers = await gather(*map(self._ask, questions))
        except (InvalidQueryError, TooManyBucketsError) as error:
            self._refusal = str(error)
        else:
            self._refusal = ""
            self._series, self._table, self._talks, self._agents = answers
            self._known = [*zip(questions, answers, strict=True)]
            await self._read_titles()

    def _questions(self) -> tuple[UsageQuery | None, ...]:
        """Bars, table, conversations and sub-agents; None: not told. Raises InvalidQueryError."""
        base = self._base()
        whole = replace(base, since=self._span.since, until=self._span.until, bucket=self._span.bucket)
        by = () if self._measure == "tokens" else (self._by,)
        is_short = base.until - base.since <= LONGEST_OF_TALKS
        others = base.wanted.get("class", "subagent") != "subagent"
        talks = replace(base, group_by=("conversation",), limit=CONVERSATIONS)
        agents = replace(base, group_by=("subtask",), limit=TASKS, wanted={**base.wanted, **SUBAGENTS})
        return (
            replace(whole, group_by=by, limit=SERIES),
            replace(base, group_by=(self._by,), limit=ROWS),
            talks if is_short else None,
            agents if is_short and not others else None,
        )

    async def _ask(self, question: UsageQuery | None) -> UsageAnswer | None:
        if question is None:
            return None
        known = (answer for asked, answer in self._known if asked == question)
        return next(known, None) or await self._from.store.usage(question)

    async def act(self, name: str, value: str) -> None:
        """Everything here is a link or a form."""

    def regions(self) -> Regions:
        return {"choices": self._choices(), "legend": self._legend(), "tables": self._tables()}

    def figures(self) -> Mapping[str, object]:
        return {"usage": self._chart.figure}

    def paint(self) -> None:
        if self._series is None or self._refusal:
            return
        span, key = self._span, (self._span.since, self._span.until)
        bars = bars_of(self._series, span, self._by, self._measure, self._tints())
        usage_figures.show_usage(self._chart, bars, keep_zoom=key == self._drawn)
        self._drawn = key

    def _choices(self) -> Markup:
        chosen = self._query.filters
        return render(
            "usage_choices.html",
            asked=chosen,
            span=self._span,
            spans=[(name, self._to({"range": name}, without=("since", "until", "from", "to"))) for name in DAYS],
            custom=self._to({"range": CUSTOM}, without=("from", "to")),
            bys=[(BY_NAMES[by], by, self._to({"by": by})) for by in BY_NAMES],
            by=self._by,
            measures=[(name, self._to({"measure": name})) for name in MEASURES],
            measure=self._measure,
            crumbs=[(name, chosen[name], self._to({}, without=(name,))) for name in FILTERS if name in chosen],
            unbrushed=self._to({}, without=("from", "to")),
            hidden=[(name, chosen[name]) for name in STATE if name in chosen and name not in _TYPED],
            models=self._models(),
        )

    def _legend(self) -> Markup:
        if self._measure == "tokens":
            entries = [(tint, name, "") for tint, name in KIND_NAMES.items()]
        else:
            entries = [(row.tint, row.label, row.whole) for row in self._rows() if row.tint != usage_figures.OTHER]
            entries += [(usage_figures.OTHER, "other", "")] if self._series and self._series.other else []
        return render("usage_legend.html", entries=entries, unit=self._span.bucket)

    def _tables(self) -> Markup:
        return render(
            "usage_tables.html",
            refusal=self._refusal,
            found=self._table,
            rows=[(row, self._narrowed(row.narrower)) for row in self._rows()],
            total=total_row(self._table) if self._table else None,
            notes=notes_of(self._table) if self._table else (),
            by_name=BY_NAMES[self._by],
            talks=[(conversation_label(item, self._titles), item) for item in self._talks.items] if self._talks else [],
            agents=task_rows(self._agents, self._titles) if self._agents else [],
            is_tree=self._by == "subtask",
            api=self._api_url(),
            query=self._query,
            is_narrow=any(name in self._query.filters for name in (*FILTERS, "from", "range")),
            connect_lines=self._from.connect_lines,
        )

    def _rows(self) -> list[Row]:
        return rows_of(self._table, self._by, self._tints(), self._titles) if self._table else []

    def _tints(self) -> Mapping[str, str]:
        """By what the whole span cost, so that a brush changes no colour."""
        if self._series is None or self._measure == "tokens":
            return tints_of(self._table, self._by) if self._table else {}
        return tints_of(self._series, self._by)

    def _models(self) -> list[str]:
        found = self._table.items if self._table and self._by == "model" else []
        return sorted({str(item.group["model"]) for item in found if item.group.get("model")})

    def _base(self) -> UsageQuery:
        """Raises InvalidQueryError."""
        if self._by == "subtask" and self._span.until - self._span.since > LONGEST_OF_TALKS:
            raise InvalidQueryError(_TOO_LONG)
        since, until = self._span.shown
        given = {name: self._query.filters[name] for name in (*FILTERS, *ASSUMED) if name in self._query.filters}
        base = usage_query(MultiDict(given), self._from.clock())
        return replace(base, since=since, until=until, zone=self._span.zone)

    async def _read_titles(self) -> None:
        talks = [item.group.get("conversation") for item in self._talks.items] if self._talks else []
        talks += [item.subtask.conversation_id for item in self._agents.items if item.subtask] if self._agents else []
        new = [one for one in dict.fromkeys(talks) if isinstance(one, UUID) and str(one) not in self._titles]
        if new:
            found = await self._from.store.titles(new)
            self._titles |= {str(one): found.get(one, "") for one in new}

    @property
    def _by(self) -> By:
        asked = self._query.filters.get("by", "model")
        return next((by for by in BY_NAMES if by == asked), "model")

    @property
    def _measure(self) -> Measure:
        asked = self._query.filters.get("measure", "cost")
        return next((one for one in MEASURES if one == asked), "cost")

    def _narrowed(self, narrower: Mapping[str, str] | None) -> str | None:
        """The same page of this one alone, told apart by the next dimension."""
        return None if narrower is None else self._to({**narrower, "by": _NEXT[self._by]})

    def _to(self, changes: Mapping[str, str], without: tuple[str, ...] = ()) -> str:
        kept = {name: value for name, value in self._query.filters.items() if name not in without}
        return replace(self._query, filters={**kept, **changes}).url

    def _api_url(self) -> str:
        since, until = self._span.shown
        chosen = {name: self._query.filters[name] for name in (*FILTERS, *ASSUMED) if name in self._query.filters}
        span = {"since": since.isoformat(), "until": until.isoformat(), "tz": str(self._span.zone)}
        return f"/api/usage?{urlencode({'group_by': self._by, **span, **chosen})}"


def usage_page(surroundings: Surroundings, _: str) -> Page:
    return UsagePage(surroundings)
