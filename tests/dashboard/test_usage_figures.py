"""Bars stand on each other and reach as high as their amounts; a brush and a zoom are kept."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.markup import STATIC
from dashboard.usage_figures import SERIES, TINTS, Bars, Part, Stack, bar_columns, show_usage, usage_chart
from tests.usage_samples import SINCE

DAY = timedelta(days=1)


def stack(day: int, *amounts: float) -> Stack:
    start = SINCE + day * DAY
    parts = [Part(tint, "opus $$x$$", amount, "$1") for tint, amount in zip(SERIES, amounts, strict=False)]
    return Stack(start, start + DAY, parts)


def bars(*stacks: Stack, **changes: Any) -> Bars:
    members: dict[str, Any] = {"since": SINCE, "until": SINCE + 7 * DAY, "stacks": stacks, "measure": "cost"}
    return Bars(**(members | changes))


@given(st.lists(st.lists(st.floats(0, 1e6), max_size=8), max_size=6))
def test_parts_of_a_bar_stand_on_each_other(amounts: list[list[float]]) -> None:
    """Oracle: each top is the sum of what lies under it."""
    drawn = [stack(day, *parts) for day, parts in enumerate(amounts)]
    found = bar_columns(drawn)
    tops = [sum(parts[: place + 1]) for parts in amounts for place in range(len(parts))]
    bottoms = [sum(parts[:place]) for parts in amounts for place in range(len(parts))]
    assert list(found["top"]) == pytest.approx(tops)
    assert list(found["bottom"]) == pytest.approx(bottoms)
    assert all(left < right for left, right in zip(found["left"], found["right"], strict=True))  # type: ignore[operator]
    assert bars(*drawn).highest == pytest.approx(max((sum(parts) for parts in amounts), default=0))


def test_bars_lie_within_their_buckets_and_their_words_are_no_tex() -> None:
    found = bar_columns([stack(0, 1.0), stack(1, 2.0)])
    assert found["right"][0] < (SINCE + DAY).timestamp() * 1000 < found["left"][1]  # type: ignore[operator]
    assert "$" not in "".join(map(str, [*found["label"], *found["said"]]))
    assert list(found["tint"]) == ["series-1", "series-1"]


def test_the_chart_shows_the_span_and_keeps_a_zoom() -> None:
    chart = usage_chart()
    show_usage(chart, bars(stack(0, 3.0)), keep_zoom=False)
    x_range = chart.figure.x_range
    assert (x_range.start, x_range.end) == (SINCE.timestamp() * 1000, (SINCE + 7 * DAY).timestamp() * 1000)
    assert (x_range.reset_start, x_range.reset_end) == (x_range.start, x_range.end)
    assert 3 < chart.figure.y_range.end < 4
    x_range.start += 5
    show_usage(chart, bars(stack(0, 3.0), stack(1, 9.0)), keep_zoom=True)
    assert x_range.start == SINCE.timestamp() * 1000 + 5
    assert chart.figure.y_range.end > 9
    show_usage(chart, bars(), keep_zoom=False)
    assert chart.figure.y_range.end == 1


@pytest.mark.parametrize(("measure", "form"), [("cost", "$"), ("tokens", "a"), ("requests", "0,0")])
def test_the_axis_says_what_is_measured(measure: str, form: str) -> None:
    chart = usage_chart()
    show_usage(chart, bars(measure=measure), keep_zoom=False)
    assert form in chart.figure.yaxis[0].formatter.format


def test_the_brush_is_drawn_as_high_as_the_figure() -> None:
    chart = usage_chart()
    show_usage(chart, bars(stack(1, 3.0), brush=(SINCE + DAY, SINCE + 2 * DAY)), keep_zoom=False)
    (top,), (left,) = chart.brush.data["top"], chart.brush.data["left"]
    assert (top, left) == (chart.figure.y_range.end, (SINCE + DAY).timestamp() * 1000)
    show_usage(chart, bars(stack(1, 3.0)), keep_zoom=False)
    assert not chart.brush.data["left"]


def test_colours_come_from_the_stylesheet_and_tooltips_are_text() -> None:
    css = (STATIC / "app.css").read_text()
    assert all(css.count(f"--mark-{tint}:") == 2 for tint in TINTS), "one for each theme"
    assert all(f".swatch-{tint} " in css for tint in TINTS if tint != "brush")
    plot: Any = usage_chart().figure
    mappers = [model for model in plot.references() if type(model).__name__ == "CategoricalColorMapper"]
    assert mappers
    assert all("from-stylesheet" in mapper.tags and mapper.factors == list(TINTS) for mapper in mappers)
    assert all(len(mapper.palette) == len(mapper.factors) for mapper in mappers)
    assert all(isinstance(tool.tooltips, list) for tool in plot.tools if type(tool).__name__ == "HoverTool")
