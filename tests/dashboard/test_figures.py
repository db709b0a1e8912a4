"""The charts draw the rows they are given, in colours of the stylesheet, and nothing in them is read as code."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import figures
from dashboard.figures import (
    MAX_LANES,
    MAX_STEPS,
    MIN_BAR_MS,
    MIN_LANES,
    ROOMY_LANES,
    TINTS,
    Arrival,
    Bar,
    Columns,
    Mark,
    RhythmRows,
)
from dashboard.markup import STATIC
from tests.read_rows import START


def bar(number: int = 1, **changes: Any) -> Bar:
    members: dict[str, Any] = {
        "request_id": f"id-{number}",
        "lane": 0,
        "start": START + timedelta(seconds=number),
        "end": START + timedelta(seconds=number + 4),
        "tint": "main",
        "label": f"Prompt {number}",
        "said": "4 s",
    }
    return Bar(**(members | changes))


def columns(chart: Any) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in chart.source.data.items()}


def listed(given_columns: Columns) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in given_columns.items()}


def mappers(plot: Any) -> list[Any]:
    return [model for model in plot.references() if type(model).__name__ == "CategoricalColorMapper"]


def test_a_bar_lies_where_and_when_its_exchange_was() -> None:
    found = figures.timeline_columns([bar(1, lane=2, tint="failed")])
    start = (START.timestamp() + 1) * 1000
    assert found == {
        "id": ["id-1"],
        "y": [2],
        "left": [start],
        "right": [start + 4000],
        "tint": ["failed"],
        "label": ["Prompt 1"],
        "said": ["4 s"],
    }


def test_the_shortest_bar_can_be_hit() -> None:
    found = figures.timeline_columns([bar(1, end=START + timedelta(seconds=1))])
    assert found["right"] == [found["left"][0] + MIN_BAR_MS]  # type: ignore[operator]  # both are numbers here


def test_the_last_lane_takes_what_is_beyond_it() -> None:
    assert figures.timeline_columns([bar(1, lane=MAX_LANES + 7)])["y"] == [MAX_LANES - 1]


@given(st.lists(st.integers(1, 30), unique=True, max_size=12), st.data())
def test_showing_bars_gives_their_columns_whatever_was_shown_before(numbers: list[int], data: st.DataObject) -> None:
    """Oracle: the columns of all bars at once."""
    after = [bar(number) for number in numbers]
    kept = data.draw(st.integers(0, len(after)))
    before = [
        bar(number, tint=data.draw(st.sampled_from(TINTS)))
        for number in data.draw(st.sampled_from([numbers[:kept], numbers[::-1]]))
    ]
    chart = figures.timeline()
    figures.show_bars(chart, (), before)
    figures.show_bars(chart, before, after)
    assert columns(chart) == listed(figures.timeline_columns(after))


def test_a_timeline_that_grew_keeps_its_columns_and_a_zoom(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = figures.timeline()
    figures.show_bars(chart, (), [bar(1)])
    data, x_range = chart.source.data, chart.figure.x_range
    figures.show_bars(chart, [bar(1)], [bar(1, tint="failed"), bar(2)])
    assert chart.source.data is data
    assert chart.figure.x_range is x_range
    assert columns(chart)["tint"] == ["failed", "main"]


def test_nothing_new_touches_nothing() -> None:
    chart = figures.timeline()
    figures.show_bars(chart, (), [bar(1)])
    touched: list[object] = []
    chart.source.on_change("data", lambda attr, old, new: touched.append(new))
    figures.show_bars(chart, [bar(1)], [bar(1)])
    assert touched == []


def drawn(chart: Any, *, pauses: bool = False) -> dict[str, list[Any]]:
    """What of a source the browser draws."""
    renderer = chart.figure.renderers[pauses]
    wanted = getattr(renderer.view.filter, "indices", slice(None))
    columns = {name: list(values) for name, values in renderer.data_source.data.items()}
    return {
        name: values[wanted] if isinstance(wanted, slice) else [values[place] for place in wanted]
        for name, values in columns.items()
    }


@given(st.data())
def test_a_timeline_that_goes_back_and_forth_draws_what_is_to_be_seen(data: st.DataObject) -> None:
    chart = figures.timeline()
    drawing = figures.Drawing(chart)
    for _ in range(data.draw(st.integers(1, 5))):
        numbers = data.draw(st.sampled_from([range(1, 9), range(1, 9), range(1, 7), range(3, 9)]))
        shown = numbers[: data.draw(st.integers(0, len(numbers)))]
        running = data.draw(st.sets(st.sampled_from(range(1, 9)), max_size=2))
        bars = [bar(number, tint="running" if number in running else "main") for number in shown]
        rests = [bar(number, tint="tools") for number in shown[1:]]
        drawing.show(bars, rests)
        assert drawn(chart) == listed(figures.timeline_columns(bars))
        assert drawn(chart, pauses=True) == listed(figures.timeline_columns(rests))
        assert shown or columns(chart)["id"] == [], "nothing is kept of what is not shown at all"


def test_a_step_back_and_on_sends_only_what_differs() -> None:
    chart = figures.timeline()
    drawing = figures.Drawing(chart)
    drawing.show([bar(1), bar(2), bar(3)], [bar(4), bar(5)])
    data = chart.source.data, chart.pauses.data
    drawing.show([bar(1), bar(2, tint="running")], [bar(4)])
    assert drawn(chart)["tint"] == ["main", "running"]
    drawing.show([bar(1), bar(2), bar(3)], [bar(4), bar(5)])
    assert chart.source.data is data[0]
    assert chart.pauses.data is data[1]
    for count in (3, 2):
        drawing.show([bar(number) for number in (1, 2, 3)[:count]], [bar(4), bar(5)][: count - 1])
        filters = [view.filter for view in chart.views]
        drawing.show([bar(number, tint="failed") for number in (1, 2, 3)[:count]], [bar(4), bar(5)][: count - 1])
        assert all(view.filter is one for view, one in zip(chart.views, filters, strict=True))


def test_lanes_have_their_names_from_the_top() -> None:
    chart = figures.timeline()
    figures.show_lanes(chart, ["main", "Look $$x$$", "third"])
    y_range, axis = chart.figure.y_range, chart.figure.yaxis[0]
    assert (y_range.start, y_range.end) == (2.5, -0.5)
    assert chart.ticker.ticks == [0, 1, 2]
    assert axis.major_label_overrides[0] == "main"
    assert "$" not in axis.major_label_overrides[1]


def test_few_lanes_have_room_and_many_are_thin() -> None:
    chart = figures.timeline()
    heights = []
    for count in (0, 1, MIN_LANES, ROOMY_LANES, ROOMY_LANES + 1, MAX_LANES + 50):
        figures.show_lanes(chart, ["x"] * count)
        heights.append(chart.figure.height)
    assert heights[0] == heights[1] == heights[2] < heights[3]
    assert heights[4] - heights[3] < heights[3] / ROOMY_LANES
    assert heights[5] < 32_000, "a canvas has an end"


def test_colours_come_from_the_stylesheet() -> None:
    css = (STATIC / "app.css").read_text()
    for plot in (figures.timeline().figure, figures.rhythm().figure):
        assert mappers(plot)
        for mapper in mappers(plot):
            assert "from-stylesheet" in mapper.tags
            assert len(mapper.palette) == len(mapper.factors)
            assert all(css.count(f"--mark-{factor}:") == 2 for factor in mapper.factors), "one for each theme"


def test_tooltips_show_columns_as_text() -> None:
    for plot in (figures.timeline().figure, figures.rhythm().figure):
        tools = [tool for tool in plot.tools if type(tool).__name__ == "HoverTool"]
        assert tools
        assert all(isinstance(tool.tooltips, list) for tool in tools)
        assert "{safe}" not in str([tool.tooltips for tool in tools])


def test_what_a_bar_says_is_never_read_as_tex() -> None:
    found = figures.timeline_columns([bar(1, label="$$\\alpha$$ \\(x\\)\n", said="$x$")])
    assert not {"$", "\\", "\n"} & set("".join(map(str, [*found["label"], *found["said"]])))


def test_the_rhythm_adds_up_what_came() -> None:
    found = figures.rhythm_columns([Arrival(500, 10), Arrival(700, 20), Arrival(1800, 5)])
    assert found == {
        "left": [0.5, 0.7, 1.8],
        "right": [0.7, 1.8, 1.8],
        "total": [10, 30, 35],
        "bytes": [10, 20, 5],
        "pause": [0.0, pytest.approx(200), pytest.approx(1100)],
        "tint": ["bytes"] * 3,
    }


@given(st.integers(0, 3 * MAX_STEPS))
def test_very_many_chunks_are_put_together_and_none_is_lost(count: int) -> None:
    found = figures.rhythm_columns([Arrival(number, 1) for number in range(count)])
    assert len(found["left"]) <= MAX_STEPS
    assert {len(values) for values in found.values()} == {len(found["left"])}
    assert sum(found["bytes"]) == count  # type: ignore[arg-type]  # the column holds numbers
    if count:
        assert found["total"][-1] == count
        together = -(-count // MAX_STEPS)
        assert found["left"][-1] == (count - 1) // together * together / 1000, "a step begins with its first chunk"


def test_an_empty_rhythm_is_not_seen() -> None:
    chart = figures.rhythm()
    assert not chart.figure.visible
    figures.show_rhythm(chart, RhythmRows([Arrival(500, 10), Arrival(2000, 30)]))
    assert chart.figure.visible
    assert columns(chart)["total"] == [10, 40]
    assert 2 < chart.figure.x_range.end < 3
    assert chart.figure.y_range.end > 40
    figures.show_rhythm(chart, RhythmRows())
    assert not chart.figure.visible


def test_the_rhythm_goes_on_to_the_end_and_shows_what_stands_out() -> None:
    chart = figures.rhythm()
    marks = [Mark(500, 2000, "silence", "no byte for 1.5 s"), Mark(500, 1000, "pings", "only $$pings$$")]
    figures.show_rhythm(chart, RhythmRows([Arrival(500, 100)], marks, pings_ms=[700, 800], ended_ms=9000))
    assert chart.figure.x_range.end > 9
    data = chart.marks.data
    assert (data["left"], data["right"], data["tint"]) == ([0.5, 0.5], [2, 1], ["silence", "pings"])
    assert data["top"] == [pytest.approx(108), pytest.approx(5.4)], "a silence is as high as the figure"
    assert "$" not in data["label"][1]
    assert chart.pings.data["at"] == [0.7, 0.8]
    assert all(0 < y < 5.4 for y in chart.pings.data["y"])


def test_very_many_marks_are_cut_off() -> None:
    marks = [Mark(at, at + 1, "silence", "") for at in range(MAX_STEPS + 1)]
    assert len(figures.mark_columns(marks, 1)["left"]) == MAX_STEPS
    assert len(figures.ping_columns([1.0] * (MAX_STEPS + 1), 1)["at"]) == MAX_STEPS
