"""How does usage become stacked bars? Amounts by bucket in, a Bokeh figure out, and the columns it draws.

A brush over the bars becomes ``from`` and ``to`` in the address, in seconds: so the tables follow, the brush can be
handed on as a link, and the way back takes it away. Colours are the stylesheet's, told apart by the colour-blind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bokeh.models import (
    BoxSelectTool,
    ColumnDataSource,
    CustomJSTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    ResetTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from dashboard.figures import Columns, asset_code, asset_script, empty_figure, milliseconds, tint_mapper
from dashboard.markup import plain_label

SERIES = tuple(f"series-{place}" for place in range(1, 9))
OTHER = "series-other"
KINDS = ("kind-read", "kind-write", "kind-hour", "kind-input", "kind-output")
TINTS = (*SERIES, OTHER, *KINDS, "brush")
FORMATS = {"cost": "$0,0.[00]", "tokens": "0.[0]a", "requests": "0,0"}
HEIGHT = 300
GAP = 0.12
"""Of a bucket, between the bars."""
LABEL_CHARS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """What one series adds to a bar."""

    tint: str
    label: str
    amount: float
    said: str
    """The amount in words."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar: one bucket."""

    start: datetime
    end: datetime
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Bars:
    """All that the chart shows."""

    since: datetime
    until: datetime
    stacks: Sequence[Stack]
    measure: str
    brush: tuple[datetime, datetime] | None = None

    @property
    def highest(self) -> float:
        return max((sum(part.amount for part in stack.parts) for stack in self.stacks), default=0.0)


@dataclass(frozen=True, slots=True)
class UsageChart:
    """The figure and what of it changes."""

    figure: figure
    bars: ColumnDataSource
    brush: ColumnDataSource


def usage_chart() -> UsageChart:
    """Nothing in it yet."""
    bars = ColumnDataSource(data=dict(bar_columns(())))
    brush = ColumnDataSource(data={"left": [], "right": [], "top": [], "tint": []})
    plot = empty_figure(name="usage", height=HEIGHT, x_axis_type="datetime")
    tint = {"field": "tint", "transform": tint_mapper(TINTS)}
    band = plot.quad(left="left", right="right", bottom=0, top="top", source=brush, fill_color=tint, fill_alpha=0.16)
    drawn = plot.quad(left="left", right="right", bottom="bottom", top="top", source=bars, fill_color=tint)
    band.glyph.line_width = drawn.glyph.line_width = 0
    band.level = "underlay"
    drawn.selection_glyph = drawn.nonselection_glyph = None
    plot.xgrid.visible = False
    plot.xaxis.formatter = CustomJSTickFormatter(code=asset_code("clock_ticks.js"))
    plot.yaxis.formatter = NumeralTickFormatter(format=FORMATS["cost"])
    select = BoxSelectTool(dimensions="width", renderers=[drawn])
    plot.add_tools(
        select,
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width"),
        ResetTool(),
        HoverTool(renderers=[drawn], tooltips=[("", "@label"), ("", "@said")]),
    )
    plot.toolbar.active_drag = select
    plot.js_on_event("selectiongeometry", asset_script("brush_bars.js", source=bars))
    return UsageChart(plot, bars, brush)


def show_usage(chart: UsageChart, bars: Bars, *, keep_zoom: bool) -> None:
    """Draw it in the place of what is drawn."""
    chart.bars.data = dict(bar_columns(bars.stacks))
    top = 1.08 * bars.highest or 1.0
    chart.figure.y_range.end = top
    chart.figure.yaxis[0].formatter.format = FORMATS[bars.measure]
    span = [] if bars.brush is None else [bars.brush]
    chart.brush.data = {
        "left": [milliseconds(start) for start, _ in span],
        "right": [milliseconds(end) for _, end in span],
        "top": [top] * len(span),
        "tint": ["brush"] * len(span),
    }
    if not keep_zoom:
        start, end = milliseconds(bars.since), milliseconds(bars.until)
        chart.figure.x_range.update(start=start, end=end, reset_start=start, reset_end=end)


def bar_columns(stacks: Sequence[Stack]) -> Columns:
    """The columns of the bars' source: the parts of a bar stand on each other, in their order."""
    columns: dict[str, list[object]] = {
        name: [] for name in ("left", "right", "bottom", "top", "tint", "label", "said")
    }
    for stack in stacks:
        start, end = milliseconds(stack.start), milliseconds(stack.end)
        room, total = GAP / 2 * (end - start), 0.0
        for part in stack.parts:
            values = (start + room, end - room, total, total + part.amount, part.tint)
            words = plain_label(part.label, LABEL_CHARS), plain_label(part.said, LABEL_CHARS)
            for name, value in zip(columns, (*values, *words), strict=True):
                columns[name].append(value)
            total += part.amount
    return columns
