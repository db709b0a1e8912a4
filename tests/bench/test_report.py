"""A run as a table, as a page, as JSON."""

import json

import pytest

from tests.bench import report
from tests.bench.goals import verdicts
from tests.bench.report import Run, number
from tests.source_tree import ROOT

RUN = Run(
    when="2026-11-27 06:00 UTC",
    machine="2 × a processor.",
    size="full",
    rounds={
        "json": [
            {"nexus.per_s": 110.0, "bare.per_s": 100.0, "nexus.sustained_per_s": 50.0},
            {"nexus.per_s": 130.0, "bare.per_s": 100.0, "nexus.sustained_per_s": 55.0},
            {"nexus.per_s": 120.0, "bare.per_s": 100.0, "nexus.sustained_per_s": 52.0},
        ]
    },
    remarks=["nginx is not here."],
    took_s=125,
)


def test_every_goal_has_a_line() -> None:
    assert report.goal_rows(verdicts(RUN.rounds)) == [
        ("small JSON, burst, against bare", "≥ 1.00×", "1.20×", "1.10 – 1.30", "met", ""),
        ("small JSON until lag 0, against bare", "≥ 0.60×", "0.52×", "0.50 – 0.55", "short", ""),
    ]


def test_every_figure_has_a_line_with_its_noise() -> None:
    assert report.figure_rows(RUN.rounds) == [
        ("json", "per_s", "", "", "100 (±0 %)", "120 (±8 %)", ""),
        ("json", "sustained_per_s", "", "", "", "52.0 (±5 %)", ""),
    ]


def test_the_page_keeps_everything_but_its_section() -> None:
    page = f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nMore.\n"
    made = report.into(page, report.markdown(RUN))
    assert made.startswith(f"# Title\n\n{report.BEGIN}\nMeasured 2026-11-27 06:00 UTC, 3 rounds in 2 minutes")
    assert made.endswith(f"{report.END}\n\nMore.\n")
    assert "**1 of 2 numbers are met.**" in made
    assert "\nnginx is not here.\n" in made
    assert "old" not in made
    assert report.into(made, report.markdown(RUN)) == made


def test_a_page_without_a_section_is_refused() -> None:
    with pytest.raises(ValueError, match="no section"):
        report.into("# Title\n", report.markdown(RUN))


def test_the_page_of_the_docs_has_its_section() -> None:
    report.into((ROOT / "docs" / "performance.md").read_text(), "")


def test_json_holds_figures_and_verdicts() -> None:
    said = json.loads(json.dumps(report.as_json(RUN)))
    assert [(one["what"], one["verdict"]) for one in said["goals"]] == [
        ("small JSON, burst, against bare", "met"),
        ("small JSON until lag 0, against bare", "short"),
    ]
    assert said["rounds"]["json"][1]["nexus.per_s"] == 130


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234.5, "", "1,234"), (99.94, "MB", "99.9 MB"), (0.456, "x", "0.46×"), (-12.34, "ms", "-12.3 ms")],
)
def test_numbers_show_digits_that_mean_something(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text
