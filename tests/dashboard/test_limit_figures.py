"""The history of a limit is drawn as it was said, no level outlives its window, and the band lies ahead of now."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard import limit_figures
from dashboard.limit_figures import Ahead, History, Level, band_columns, level_columns, limit_chart, show_history
from dashboard.markup import STATIC
from tests.limit_samples import NOW
from tests.read_rows import request_id


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def ms(hours: float) -> float:
    return at(hours).timestamp() * 1000


def level(hours: float, share: float = 0.5, number: int | None = 1, until: float | None = None) -> Level:
    said = None if number is None else request_id(number)
    return Level(at=at(hours), share=share, request_id=said, until=None if until is None else at(until))


def history(*levels: Level, resets: tuple[float, ...] = (), ahead: Ahead | None = None) -> History:
    return History(levels=levels, resets=[at(one) for one in resets], now=NOW, ahead=ahead)


def test_a_level_holds_until_the_next_one_and_the_last_until_now() -> None:
    found = level_columns(history(level(-3, 0.2), level(-1, 1.0, 2)))
    assert found == {
        "left": [ms(-3), ms(-1)],
        "right": [ms(-1), ms(0)],
        "top": [0.2, 1.0],
        "id": [str(request_id(1)), str(request_id(2))],
        "source": ["header", "header"],
        "tint": ["main", "failed"],
    }


def test_a_level_ends_with_its_window() -> None:
    found = level_columns(history(level(-8), level(-3), resets=(-9, -6, 2)))
    assert found["right"] == [ms(-6), ms(0)]


def test_what_is_reckoned_ends_when_it_says_and_looks_another_way() -> None:
    found = level_columns(history(level(-8, number=None, until=-4), level(-1)))
    assert (found["right"], found["tint"]) == ([ms(-4), ms(0)], ["auxiliary", "main"])
    assert (found["id"][0], found["source"][0]) == ("", "reckoned")


@given(
    st.lists(st.tuples(st.floats(-50, 0), st.floats(0, 1.4)), max_size=20),
    st.lists(st.floats(-50, 10), max_size=8),
)
def test_no_level_reaches_over_its_reset_its_follower_or_now(
    levels: list[tuple[float, float]], resets: list[float]
) -> None:
    """Oracle: of each level the ends are looked through one by one."""
    drawn = history(*(level(hours, share) for hours, share in sorted(levels)), resets=tuple(resets))
    found = level_columns(drawn)
    assert {len(values) for values in found.values()} == {len(levels)}
    for place, one in enumerate(drawn.levels):
        ends = [NOW, *(other.at for other in drawn.levels[place + 1 :]), *(r for r in drawn.resets if r > one.at)]
        assert found["left"][place] == one.at.timestamp() * 1000
        assert found["right"][place] == min(ends).timestamp() * 1000


def test_the_band_lies_between_the_earliest_and_the_latest_way_up() -> None:
    ahead = Ahead(earliest=at(1), latest=at(2), resets_at=at(3), share=0.6)
    assert band_columns(history(ahead=ahead)) == {
        "xs": [[ms(0), ms(1), ms(2)]],
        "ys": [[0.6, 1.0, 1.0]],
        "tint": ["running"],
    }


def test_where_it_may_never_be_full_the_band_reaches_down_to_no_further_use() -> None:
    ahead = Ahead(earliest=at(1), latest=None, resets_at=at(3), share=0.6)
    found = band_columns(history(ahead=ahead))
    assert found["xs"] == [[ms(0), ms(1), ms(3), ms(3)]]
    assert found["ys"] == [[0.6, 1.0, 1.0, 0.6]]


def test_without_a_forecast_there_is_no_band() -> None:
    assert band_columns(history(level(-1))) == {"xs": [], "ys": [], "tint": []}


def test_an_empty_chart_is_not_seen() -> None:
    chart = limit_chart()
    assert not chart.figure.visible
    show_history(chart, history(level(-1, 1.3), resets=(2,)), at(-24))
    assert chart.figure.visible
    assert chart.figure.y_range.end > 1.3
    assert dict(chart.resets.data) == {"at": [ms(2)], "tint": ["auxiliary"]}
    show_history(chart, history(), None)
    assert not chart.figure.visible


def test_the_reader_begins_where_there_is_something_and_keeps_a_zoom() -> None:
    chart = limit_chart()
    ahead = Ahead(earliest=at(1), latest=None, resets_at=at(3), share=0.6)
    show_history(chart, history(level(-5), ahead=ahead), at(-24))
    x_range = chart.figure.x_range
    assert ms(-6) < x_range.start < ms(-5)
    assert ms(3) < x_range.end < ms(4)
    assert (x_range.reset_start, x_range.reset_end) == (x_range.start, x_range.end)
    x_range.start = ms(-1)
    show_history(chart, history(level(-5), level(-1)), None)
    assert chart.figure.x_range.start == ms(-1)
    show_history(chart, history(level(-50), level(-1)), at(-24))
    assert ms(-25) < chart.figure.x_range.start < ms(-24)


def test_colours_come_from_the_stylesheet_and_tooltips_are_text() -> None:
    css = (STATIC / "app.css").read_text()
    plot: Any = limit_chart().figure
    mappers = [model for model in plot.references() if type(model).__name__ == "CategoricalColorMapper"]
    assert mappers
    for mapper in mappers:
        assert "from-stylesheet" in mapper.tags
        assert all(css.count(f"--mark-{factor}:") == 2 for factor in mapper.factors)
    assert all(isinstance(tool.tooltips, list) for tool in plot.tools if type(tool).__name__ == "HoverTool")
    assert limit_figures.FULL == 1
