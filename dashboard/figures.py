"""How do rows become charts? Plain rows in, a Bokeh figure out, and the columns it draws.

Colours are not decided here: a mapper tagged ``from-stylesheet`` gets its palette from the page's stylesheet, for
either theme, and text, axes and grids follow its ``--bk-`` variables. What the wire said goes through
``plain_label``; tooltips show columns as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import msgspec
import numpy as np
from bokeh.models import (
    AllIndices,
    CategoricalColorMapper,
    CDSView,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    DataRange1d,
    FixedTicker,
    HoverTool,
    IndexFilter,
    NumeralTickFormatter,
    PanTool,
    PrintfTickFormatter,
    Range1d,
    ResetTool,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from dashboard.markup import ASSETS, plain_label

CLASSES = ("main", "subagent", "compaction", "auxiliary")
PAUSES = ("tools", "person", "waiting")
TINTS = (*CLASSES, "running", "failed", "bytes", "silence", "pings", *PAUSES)
"""Factors of the colour mappers; the stylesheet has ``--mark-`` with each."""
PLAIN_COLOURS = ("#2a6fb8", "#00826f", "#8250b0", "#858b93", "#d58a12", "#c93b2e", "#2a6fb8", "#d58a12", "#8250b0",
    "#4b5057", "#aeb4bb", "#d58a12")  # fmt: skip
"""Until the stylesheet is read."""
LANE_PX, THIN_LANE_PX, AXIS_PX = 20, 14, 36
ROOMY_LANES = 8
"""More lanes than these are thinner."""
MIN_LANES, MAX_LANES = 2, 400
"""A higher figure than of so many lanes would be more than a canvas can hold; further lanes share the last."""
LANE_CHARS, LABEL_CHARS = 24, 90
MIN_BAR_MS = 120.0
"""The shortest exchange can still be seen and hit."""
MAX_STEPS = 4_000
PING_STRIP = 0.05
"""Of the rhythm's height."""

Columns = Mapping[str, Sequence[object]]


class Bar(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One exchange on the timeline, or a pause between two."""

    request_id: str
    lane: int
    start: datetime
    end: datetime
    tint: str
    """One of TINTS."""
    label: str
    said: str
    """How long, how many tokens, how it ended."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The figure and what of it changes."""

    figure: figure
    source: ColumnDataSource
    pauses: ColumnDataSource
    ticker: FixedTicker
    views: tuple[CDSView, CDSView]
    """Of the bars and of the pauses: which of the sources' are drawn."""


def timeline() -> Timeline:
    """Lanes of talk over time, a bar for each exchange and a line for each pause; nothing in it yet."""
    source, pauses = (ColumnDataSource(data=dict(timeline_columns(()))) for _ in range(2))
    ticker, views = FixedTicker(ticks=[]), (CDSView(), CDSView())
    plot = empty_figure(name="timeline", x_axis_location="above", x_axis_type="datetime")
    bars = plot.hbar(
        y="y", left="left", right="right", height=0.62, source=source, view=views[0], line_width=0, border_radius=2
    )
    bars.glyph.fill_color = {"field": "tint", "transform": tint_mapper()}
    bars.selection_glyph = bars.nonselection_glyph = None
    bars.glyph.line_color = {"field": "tint", "transform": tint_mapper()}
    rests = plot.hbar(height=0.16, source=pauses, view=views[1], y="y", left="left", right="right", line_width=0)
    rests.glyph.fill_color = {"field": "tint", "transform": tint_mapper()}
    plot.xaxis.formatter = CustomJSTickFormatter(code=asset_code("clock_ticks.js"))
    plot.yaxis.ticker = ticker
    plot.ygrid.ticker = ticker
    wheel = WheelZoomTool(dimensions="width")
    plot.add_tools(
        PanTool(dimensions="width"),
        wheel,
        ResetTool(),
        TapTool(renderers=[bars], callback=asset_script("tap_bar.js", source=source)),
        HoverTool(renderers=[bars, rests], tooltips=[("", "@label"), ("", "@said")], attachment="vertical"),
    )
    chart = Timeline(plot, source, pauses, ticker, views)
    show_lanes(chart, ())
    return chart


def show_lanes(chart: Timeline, names: Sequence[str]) -> None:
    """Lanes with these names, the first at the top."""
    shown = names[:MAX_LANES]
    rows = max(MIN_LANES, len(shown))
    chart.figure.height = rows * (LANE_PX if rows <= ROOMY_LANES else THIN_LANE_PX) + AXIS_PX
    chart.figure.y_range.start, chart.figure.y_range.end = rows - 0.5, -0.5
    chart.figure.yaxis.major_label_overrides = {
        place: plain_label(name, LANE_CHARS) for place, name in enumerate(shown)
    }
    chart.ticker.ticks = list(range(len(shown)))  # behind their names: no lane is a bare number for a moment


def show_bars(chart: Timeline, before: Sequence[Bar], after: Sequence[Bar]) -> None:
    """Draw ``after`` where ``before`` is drawn; a timeline that only grew costs what is new."""
    if after and not before:
        chart.figure.x_range = DataRange1d(range_padding=0.03)
    _draw(chart.source, before, after)


def show_pauses(chart: Timeline, before: Sequence[Bar], after: Sequence[Bar]) -> None:
    """The same of the pauses."""
    _draw(chart.pauses, before, after)


def _draw(source: ColumnDataSource, before: Sequence[Bar], after: Sequence[Bar]) -> None:
    kept = len(before)
    if kept > len(after) or not all(map(_is_same, before, after)):
        source.data = _compact(timeline_columns(after))
        return
    changed = [place for place, bar in enumerate(before) if bar is not after[place] and bar != after[place]]
    if changed:
        columns = timeline_columns([after[place] for place in changed])
        source.patch({name: list(zip(changed, values, strict=True)) for name, values in columns.items()})
    if len(after) > kept:
        source.stream(dict(timeline_columns(after[kept:])))


def _compact(columns: Columns) -> dict[str, object]:
    """Times in one piece: they go to the browser as they lie in memory, and not one by one."""
    return {**columns, **{name: np.array(columns[name], dtype=float) for name in ("left", "right")}}


class Drawing:
    """What a timeline draws. Of earlier moments its first bars: those behind stay in the browser, and are hidden."""

    def __init__(self, chart: Timeline) -> None:
        self._chart = chart
        self._bars: Sequence[Bar] = ()
        self._pauses: Sequence[Bar] = ()

    def show(self, bars: Sequence[Bar], pauses: Sequence[Bar]) -> None:
        """Draw these in the place of what is drawn."""
        held, self._pauses = self._pauses, _kept_behind(pauses, self._pauses)
        show_pauses(self._chart, held, self._pauses)
        held, self._bars = self._bars, _kept_behind(bars, self._bars)
        show_bars(self._chart, held, self._bars)
        for view, shown, whole in zip(self._chart.views, (bars, pauses), (self._bars, self._pauses), strict=True):
            _draw_first(view, len(shown), len(whole))


def _kept_behind(bars: Sequence[Bar], held: Sequence[Bar]) -> Sequence[Bar]:
    """With those behind, if they are the first ones of what is held."""
    is_beginning = 0 < len(bars) < len(held) and all(map(_is_same, bars, held))
    return (*bars, *held[len(bars) :]) if is_beginning else bars


def _is_same(one: Bar, other: Bar) -> bool:
    return one is other or one.request_id == other.request_id


def _draw_first(view: CDSView, count: int, of: int) -> None:
    drawn = view.filter.indices if isinstance(view.filter, IndexFilter) else None
    if count == of and drawn is not None:
        view.filter = AllIndices()
    elif count != of and (drawn is None or len(drawn) != count):
        view.filter = IndexFilter(indices=list(range(count)))


def timeline_columns(bars: Sequence[Bar]) -> Columns:
    """The columns of the timeline's source."""
    starts = [milliseconds(bar.start) for bar in bars]
    return {
        "id": [bar.request_id for bar in bars],
        "y": [min(bar.lane, MAX_LANES - 1) for bar in bars],
        "left": starts,
        "right": [max(milliseconds(bar.end), start + MIN_BAR_MS) for bar, start in zip(bars, starts, strict=True)],
        "tint": [bar.tint for bar in bars],
        "label": [plain_label(bar.label, LABEL_CHARS) for bar in bars],
        "said": [plain_label(bar.said, LABEL_CHARS) for bar in bars],
    }


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that came together."""

    at_ms: float
    """After the request."""
    byte_count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A time in an answer that stands out."""

    start_ms: float
    end_ms: float
    tint: str
    """``silence``: as high as the figure; ``pings``: a strip at the bottom."""
    label: str


@dataclass(frozen=True, slots=True)
class RhythmRows:
    """How an answer came: what the rhythm draws."""

    arrivals: Sequence[Arrival] = ()
    marks: Sequence[Mark] = ()
    pings_ms: Sequence[float] = ()
    ended_ms: float = 0.0
    """0: nothing is known to have come later than the last bytes."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The figure and what of it changes."""

    figure: figure
    source: ColumnDataSource
    marks: ColumnDataSource
    pings: ColumnDataSource


def rhythm() -> Rhythm:
    """How an answer came: its bytes over time, a step for each chunk; not to be seen while it is empty.

    Behind them stand its silences, at the bottom the times of only pings and each ping.
    """
    source = ColumnDataSource(data=dict(rhythm_columns(())))
    marks, pings = ColumnDataSource(data=dict(mark_columns((), 1))), ColumnDataSource(data=dict(ping_columns((), 1)))
    plot = empty_figure(name="rhythm", height=260, visible=False)
    area = plot.quad(left="left", right="right", bottom=0, top="total", source=source, line_width=0, fill_alpha=0.35)
    dots = plot.scatter(x="left", y="total", size=5, source=source, line_width=0)
    bands = plot.quad(left="left", right="right", bottom=0, top="top", source=marks, line_width=0, fill_alpha=0.22)
    bands.level = "underlay"
    pinged = plot.scatter(x="at", y="y", size=7, marker="triangle", source=pings, line_width=0)
    for drawn in (area, dots, bands, pinged):
        drawn.glyph.fill_color = {"field": "tint", "transform": tint_mapper()}
    plot.xaxis.formatter = PrintfTickFormatter(format="%.4g s")
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.add_tools(
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width"),
        ResetTool(),
        HoverTool(
            renderers=[dots], tooltips=[("at", "@left{0.000} s"), ("bytes", "@bytes"), ("pause", "@pause{0} ms")]
        ),
        HoverTool(renderers=[bands], tooltips=[("", "@label")], attachment="vertical"),
    )
    return Rhythm(plot, source, marks, pings)


def show_rhythm(chart: Rhythm, rows: RhythmRows) -> None:
    """Draw this answer in the place of what is drawn."""
    came = rows.arrivals
    chart.source.data = dict(rhythm_columns(came))
    chart.figure.visible = bool(came)
    height = 1.08 * sum(one.byte_count for one in came) or 1
    chart.marks.data = dict(mark_columns(rows.marks, height))
    chart.pings.data = dict(ping_columns(rows.pings_ms, height))
    if came:
        seconds = max(came[-1].at_ms, rows.ended_ms) / 1000
        chart.figure.x_range.start, chart.figure.x_range.end = -0.02 * seconds, 1.02 * seconds
        chart.figure.y_range.end = height


def mark_columns(marks: Sequence[Mark], height: float) -> Columns:
    """The columns of the marks' source."""
    shown = marks[:MAX_STEPS]
    return {
        "left": [mark.start_ms / 1000 for mark in shown],
        "right": [mark.end_ms / 1000 for mark in shown],
        "top": [height if mark.tint == "silence" else PING_STRIP * height for mark in shown],
        "tint": [mark.tint for mark in shown],
        "label": [plain_label(mark.label, LABEL_CHARS) for mark in shown],
    }


def ping_columns(pings_ms: Sequence[float], height: float) -> Columns:
    """The columns of the pings' source."""
    shown = pings_ms[:MAX_STEPS]
    return {
        "at": [at / 1000 for at in shown],
        "y": [PING_STRIP / 2 * height] * len(shown),
        "tint": ["pings"] * len(shown),
    }


def rhythm_columns(arrivals: Sequence[Arrival]) -> Columns:
    """The columns of the rhythm's source; very many chunks are put together."""
    steps = _thinned(arrivals)
    times = [step.at_ms / 1000 for step in steps]
    totals, total = list[int](), 0
    for step in steps:
        total += step.byte_count
        totals.append(total)
    return {
        "left": times,
        "right": [*times[1:], *times[-1:]],
        "total": totals,
        "bytes": [step.byte_count for step in steps],
        "pause": [0.0, *(1000 * (after - before) for before, after in pairwise(times))][: len(times)],
        "tint": ["bytes"] * len(steps),
    }


def _thinned(arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
    together = -(-len(arrivals) // MAX_STEPS)
    if together <= 1:
        return arrivals
    groups = (arrivals[start : start + together] for start in range(0, len(arrivals), together))
    return [Arrival(group[0].at_ms, sum(one.byte_count for one in group)) for group in groups]


def empty_figure(**options: object) -> figure:
    """Its ranges are set with its data: a range that follows data warns as long as there is none."""
    ranges = {"x_range": Range1d(0, 1), "y_range": Range1d(0, 1)}
    plot = figure(sizing_mode="stretch_width", tools="", toolbar_location=None, **ranges, **options)
    plot.outline_line_color = None
    plot.background_fill_alpha = plot.border_fill_alpha = 0
    plot.xaxis.minor_tick_line_color = plot.yaxis.minor_tick_line_color = None
    plot.yaxis.major_tick_line_color = None
    plot.yaxis.axis_line_color = None
    plot.toolbar.autohide = True
    return plot


def asset_code(asset: str) -> str:
    return (ASSETS / asset).read_text("utf-8")


def asset_script(asset: str, **models: object) -> CustomJS:
    return CustomJS(args=models, code=asset_code(asset))


def tint_mapper(tints: Sequence[str] = TINTS) -> CategoricalColorMapper:
    palette = [PLAIN_COLOURS[place % len(PLAIN_COLOURS)] for place in range(len(tints))]
    return CategoricalColorMapper(factors=list(tints), palette=palette, tags=["from-stylesheet"])


def milliseconds(moment: datetime) -> float:
    return moment.timestamp() * 1000
