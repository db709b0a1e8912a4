"""How far is each number from its goal? A picture, as SVG, pure."""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tests.bench.goals import Verdict
from tests.bench.report import bound, number

WIDTH, LEFT, RIGHT, TOP, LINE = 1040, 420, 200, 64, 26
LOW, HIGH = 0.1, 10.0
"""What is beyond stands at the edge."""
MET, SHORT, QUIET, INK, BACK = "#2e7d4f", "#c2571a", "#9aa3ad", "#20262c", "#ffffff"
_TICKS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def score(one: Verdict, value: float) -> float:
    """How many times better than the goal; 1: just kept."""
    if value <= 0:
        return LOW if one.goal.kind == "at least" else HIGH
    ratio = min(HIGH, max(LOW, value / one.goal.bound))
    return ratio if one.goal.kind == "at least" else 1 / ratio


def place(ratio: float) -> float:
    """Where it stands, on a scale on which twice as good is as far as twice as bad."""
    inner = WIDTH - LEFT - RIGHT
    return LEFT + inner * (math.log(ratio) - math.log(LOW)) / (math.log(HIGH) - math.log(LOW))


def svg(found: Sequence[Verdict]) -> str:
    """One line for each goal: a point for the median, a bar from the worst to the best round."""
    height = TOP + LINE * len(found) + 46
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
    root.set("font-family", "system-ui, sans-serif")
    root.set("font-size", "13")
    SubElement(root, "title").text = "Promised numbers: measured against the goal"
    SubElement(root, "rect", width=str(WIDTH), height=str(height), fill=BACK)
    _text(root, 16, 26, "Promised numbers: how far from the goal", size="16", weight="600")
    _text(
        root,
        16,
        46,
        "times as good as promised (right of the line: better); bars: worst to best round",
        color="#5a646e",
    )
    bottom = TOP + LINE * len(found)
    for tick in _TICKS:
        _axis(root, tick, bottom)
    for number_, one in enumerate(found):
        _goal(root, TOP + LINE * number_ + LINE / 2, one)
    return _written(root)


def _written(root: Element) -> str:
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _axis(root: Element, tick: float, bottom: float) -> None:
    x = f"{place(tick):.1f}"
    is_goal = tick == 1
    line = SubElement(
        root, "line", x1=x, x2=x, y1=str(TOP - 6), y2=str(bottom + 4), stroke=INK if is_goal else "#e3e6e9"
    )
    line.set("stroke-width", "1.5" if is_goal else "1")
    words = "goal" if is_goal else f"{tick:g}×"
    _text(root, float(x), bottom + 22, words, anchor="middle", color=INK if is_goal else "#5a646e")


def _goal(root: Element, y: float, one: Verdict) -> None:
    color = MET if one.met else SHORT
    _text(root, LEFT - 14, y + 4, one.goal.what, anchor="end")
    worst, best = (place(score(one, value)) for value in (min(one.values), max(one.values)))
    line = SubElement(root, "line", x1=f"{worst:.1f}", x2=f"{best:.1f}", y1=f"{y:.1f}", y2=f"{y:.1f}", stroke=color)
    line.set("stroke-width", "5")
    line.set("stroke-opacity", "0.35")
    line.set("stroke-linecap", "round")
    SubElement(root, "circle", cx=f"{place(score(one, one.measured)):.1f}", cy=f"{y:.1f}", r="5.5", fill=color)
    said = f"{number(one.measured, one.goal.unit)}  ({bound(one.goal, short=True)})"
    _text(root, WIDTH - RIGHT + 18, y + 4, said, color=color, weight="400" if one.met else "600")


def _text(
    root: Element,
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    color: str = INK,
    size: str = "",
    weight: str = "",
) -> None:
    made = SubElement(root, "text", x=f"{x:.1f}", y=f"{y:.1f}", fill=color)
    made.text = words
    made.set("text-anchor", anchor)
    if size:
        made.set("font-size", size)
    if weight:
        made.set("font-weight", weight)
