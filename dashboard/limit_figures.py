"""How does the history of a limit become a chart? Readings and resets in, a Bokeh figure out, and what it draws.

A level holds from its reading to the next one, and no longer than its window. Colours are those of ``figures``.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    ResetTool,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from dashboard.figures import Columns, asset_code, asset_script, empty_figure, milliseconds, tint_mapper

HEIGHT = 300
ROOM_ABOVE = 1.08
FULL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full a window was from this moment on."""

    at: datetime
    share: float
    request_id: UUID | None
    """Whose answer said so; None: nobody did, it is reckoned."""
    until: datetime | None = None
    """When it ends at the latest; None: with its window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Where a window goes if it goes on like this."""

    earliest: datetime
    """When it is full."""
    latest: datetime | None
    """None: not before the reset."""
    resets_at: datetime
    share: float
    """Now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that the chart shows."""

    levels: Sequence[Level]
    """The oldest first."""
    resets: Sequence[datetime]
    now: datetime
    ahead: Ahead | None = None


@dataclass(frozen=True, slots=True)
class LimitChart:
    """The figure and what of it changes."""

    figure: figure
    levels: ColumnDataSource
    resets: ColumnDataSource
    band: ColumnDataSource
    full: ColumnDataSource


def limit_chart() -> LimitChart:
    """How full a window was, and may become; not to be seen while it is empty."""
    nothing = History(levels=(), resets=(), now=datetime.fromtimestamp(0).astimezone())
    levels = ColumnDataSource(data=dict(level_columns(nothing)))
    resets = ColumnDataSource(data=dict(reset_columns(nothing)))
    band = ColumnDataSource(data=dict(band_columns(nothing)))
    full = ColumnDataSource(data={"x0": [], "x1": [], "tint": []})
    plot = empty_figure(name="history", height=HEIGHT, visible=False, x_axis_type="datetime")
    tint = {"field": "tint", "transform": tint_mapper()}
    plot.segment(x0="at", x1="at", y0=0, y1=FULL, source=resets, line_color=tint, line_dash="dotted", line_width=1.2)
    plot.segment(x0="x0", x1="x1", y0=FULL, y1=FULL, source=full, line_color=tint, line_width=1.4)
    plot.patches(xs="xs", ys="ys", source=band, fill_color=tint, fill_alpha=0.3, line_color=tint, line_dash="dashed")
    area = plot.quad(left="left", right="right", bottom=0, top="top", source=levels, fill_color=tint, fill_alpha=0.3)
    area.glyph.line_width = 0
    edge = plot.segment(x0="left", x1="right", y0="top", y1="top", source=levels, line_color=tint, line_width=2)
    area.selection_glyph = area.nonselection_glyph = edge.selection_glyph = edge.nonselection_glyph = None
    plot.xaxis.formatter = CustomJSTickFormatter(code=asset_code("clock_ticks.js"))
    plot.yaxis.formatter = NumeralTickFormatter(format="0 %")
    plot.add_tools(
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width"),
        ResetTool(),
        TapTool(renderers=[area], callback=asset_script("tap_level.js", source=levels)),
        HoverTool(renderers=[area], tooltips=[("full", "@top{0.0 %}"), ("source", "@source")], attachment="vertical"),
    )
    return LimitChart(plot, levels, resets, band, full)


def show_history(chart: LimitChart, history: History, since: datetime | None) -> None:
    """Draw it; ``since``: where the reader begins to look, None leaves the zoom as it is."""
    chart.levels.data = dict(level_columns(history))
    chart.resets.data = dict(reset_columns(history))
    chart.band.data = dict(band_columns(history))
    chart.figure.visible = bool(history.levels)
    if not history.levels:
        return
    end = history.ahead.resets_at if history.ahead else history.now
    first = history.levels[0].at
    chart.full.data = {"x0": [milliseconds(first)], "x1": [milliseconds(end)], "tint": ["failed"]}
    chart.figure.y_range.end = ROOM_ABOVE * max(FULL, *(level.share for level in history.levels))
    if since is not None:
        start = max(first, since)
        room = (end - start) / 60
        chart.figure.x_range.update(start=milliseconds(start - room), end=milliseconds(end + room))
        chart.figure.x_range.update(reset_start=chart.figure.x_range.start, reset_end=chart.figure.x_range.end)


def level_columns(history: History) -> Columns:
    """The columns of the levels' source: a step for each."""
    levels, resets = history.levels, sorted(history.resets)
    follows = [*(level.at for level in levels[1:]), history.now]
    return {
        "left": [milliseconds(level.at) for level in levels],
        "right": [
            milliseconds(_end(level, after, resets, history.now)) for level, after in zip(levels, follows, strict=False)
        ],
        "top": [level.share for level in levels],
        "id": [str(level.request_id or "") for level in levels],
        "source": ["header" if level.request_id else "reckoned" for level in levels],
        "tint": [_tint(level) for level in levels],
    }


def reset_columns(history: History) -> Columns:
    """The columns of the resets' source."""
    return {
        "at": [milliseconds(moment) for moment in history.resets],
        "tint": ["auxiliary"] * len(history.resets),
    }


def band_columns(history: History) -> Columns:
    """The columns of the forecast's source: what lies between the earliest way up and the latest one.

    A latest way that does not lead up before the reset is drawn as no further use: no more is said of it.
    """
    ahead = history.ahead
    if ahead is None:
        return {"xs": [], "ys": [], "tint": []}
    corners = [(history.now, ahead.share), (ahead.earliest, FULL)]
    if ahead.latest is None:
        corners += [(ahead.resets_at, FULL), (ahead.resets_at, ahead.share)]
    else:
        corners += [(ahead.latest, FULL)]
    return {
        "xs": [[milliseconds(moment) for moment, _ in corners]],
        "ys": [[share for _, share in corners]],
        "tint": ["running"],
    }


def _end(level: Level, after: datetime, resets: Sequence[datetime], now: datetime) -> datetime:
    place = bisect_right(resets, level.at)
    ends = [level.until or after, now, *resets[place : place + 1]]
    return max(level.at, min(ends))


def _tint(level: Level) -> str:
    if level.share >= FULL:
        return "failed"
    return "main" if level.request_id else "auxiliary"
