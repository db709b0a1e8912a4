"""Both themes can be read by all: words stand out from what is behind them, and marks from each other for every eye.

Contrast is that of WCAG 2; how the colour-blind see is after Machado, Oliveira and Fernandes (2009), at full severity.
"""

import re
from itertools import combinations
from math import dist

import pytest

from dashboard.markup import STATIC

WORDS = 4.5
"""Contrast of text, level AA."""
SHAPES = 3.0
"""Contrast of what is no text, level AA."""
APART = 14.0
"""Distance in CIELAB between two colours that are told apart at a glance; 2.3 is just noticeable."""

Colours = dict[str, str]
Matrix = tuple[tuple[float, float, float], ...]

GROUNDS = ("bg", "surface", "sunk", "hover", "selected")
INKS = (
    "ink", "ink-2", "ink-3", "accent", "bad", "run", "good", "tool",
    "code-kw", "code-str", "code-num", "code-com", "code-name", "code-del",
)  # fmt: skip
PAIRS = (
    ("run", "run-soft"), ("bad", "bad-soft"), ("good", "good-soft"),
    ("surface", "accent"), ("bg", "ink"), ("surface", "bad"),
)  # fmt: skip
FAMILIES = {
    "series": tuple(f"mark-series-{name}" for name in (1, 2, 3, 4, 5, 6, 7, 8, "other")),
    "kinds": tuple(f"mark-kind-{name}" for name in ("read", "write", "hour", "input", "output")),
    "tokens": tuple(f"tok-{name}" for name in ("read", "write", "input", "output")),
    "states": tuple(f"mark-{name}" for name in ("main", "subagent", "compaction", "auxiliary", "running", "failed")),
    "times": ("mark-tools", "mark-person", "mark-waiting"),
    "stream": ("mark-bytes", "mark-silence", "mark-pings"),
}
EYES: dict[str, Matrix] = {
    "common": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def themes() -> dict[str, Colours]:
    """The colours of each, by their name in the stylesheet; what the dark one does not say is as in the light one."""
    css = (STATIC / "app.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css.partition(f"{start} {{")[2].partition("}")[0]))
        for start in (":root", ':root[data-theme="dark"]')
    )
    return {"light": light, "dark": {**light, **dark}}


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Colours:
    return themes()[request.param]


def linear(colour: str) -> tuple[float, ...]:
    """Red, green and blue as light, each from 0 to 1."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def contrast(one: str, other: str) -> float:
    dim, bright = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (linear(one), linear(other))
    )
    return (bright + 0.05) / (dim + 0.05)


def seen(colour: str, eye: Matrix) -> tuple[float, float, float]:
    """Its place in CIELAB, for this eye."""
    light = linear(colour)
    red, green, blue = (min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in eye)
    x, y, z = (
        part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116
        for part in (
            (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
            0.2126 * red + 0.7152 * green + 0.0722 * blue,
            (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_the_yardsticks_are_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert seen("#ffffff", EYES["common"]) == pytest.approx((100, 0, 0), abs=0.02)
    assert seen("#ff0000", EYES["common"]) == pytest.approx((53.24, 80.09, 67.2), abs=0.1)
    red, green = "#c00000", "#5f6800"
    assert dist(seen(red, EYES["common"]), seen(green, EYES["common"])) > 5 * APART
    assert dist(seen(red, EYES["deuteranopia"]), seen(green, EYES["deuteranopia"])) < 2 * APART


def test_words_stand_out_wherever_they_stand(theme: Colours) -> None:
    pairs = [*((ink, ground) for ink in INKS for ground in GROUNDS), *PAIRS]
    assert {pair: contrast(*map(theme.__getitem__, pair)) for pair in pairs if faint(theme, *pair)} == {}


def faint(theme: Colours, ink: str, ground: str) -> bool:
    return contrast(theme[ink], theme[ground]) < WORDS


@pytest.mark.parametrize("family", FAMILIES)
def test_marks_stand_out_from_the_sheet(theme: Colours, family: str) -> None:
    assert [name for name in FAMILIES[family] if contrast(theme[name], theme["surface"]) < SHAPES] == []


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_and_the_edge_of_a_field_stand_out(theme: Colours, ground: str) -> None:
    assert contrast(theme["focus"], theme[ground]) >= SHAPES
    if ground in {"bg", "surface", "sunk"}:
        assert contrast(theme["line-field"], theme[ground]) >= SHAPES


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("family", FAMILIES)
def test_marks_of_one_family_are_told_apart_by_every_eye(theme: Colours, family: str, eye: str) -> None:
    places = {name: seen(theme[name], EYES[eye]) for name in FAMILIES[family]}
    alike = {pair: dist(places[pair[0]], places[pair[1]]) for pair in combinations(places, 2)}
    assert {pair: how_far for pair, how_far in alike.items() if how_far < APART} == {}


def test_every_colour_of_a_mark_is_in_a_family() -> None:
    marks = {name for name in themes()["light"] if name.startswith(("mark-", "tok-"))}
    assert marks == {"mark-brush", *(name for names in FAMILIES.values() for name in names)}
