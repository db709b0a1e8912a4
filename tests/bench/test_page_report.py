"""The table of the pages says what was measured and whether the budget is kept."""

import pytest

from tests.bench.page_report import BEGIN, END, HEAD, Measured, PagesRun, as_json, into, markdown, rows
from tests.bench.page_visits import BUDGET_MS

RUN = PagesRun(
    "2026-11-28 02:00 UTC",
    "2 × a processor.",
    1_000_000,
    10_000,
    (
        Measured("shell", "overview", (400.0, 900.0, 450.0)),
        Measured("interaction", "talk: open a row", (149.0, 151.0, 152.0)),
        Measured("frame", "talk: pan the tree", tuple([16.0] * 95 + [99.0] * 5)),
    ),
    ("The machine was busy.",),
)


def test_a_row_says_goal_median_range_and_verdict() -> None:
    assert rows(RUN) == [
        ("overview: first paint", "≤ 500 ms", "450 ms", "400 – 900", "met"),
        ("talk: open a row", "≤ 150 ms", "151 ms", "149 – 152", "short"),
        ("talk: pan the tree: 95 of 100 frames", "≤ 34 ms", "16 ms", "16 – 99", "met"),
    ]


@pytest.mark.parametrize("kind", list(BUDGET_MS))
def test_exactly_the_budget_keeps_it_and_nothing_measured_does_not(kind: str) -> None:
    budget = BUDGET_MS[kind]  # type: ignore[index]  # it is one of its keys
    assert Measured(kind, "x", (budget,)).met  # type: ignore[arg-type]
    assert not Measured(kind, "x", (budget + 1,)).met  # type: ignore[arg-type]
    assert not Measured(kind, "x", ()).met  # type: ignore[arg-type]


def test_the_section_of_the_page_is_made_anew() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nbehind\n"
    made = into(page, markdown(RUN))
    assert made.startswith("before\n")
    assert made.endswith("behind\n")
    assert "old" not in made
    assert f"| {' | '.join(HEAD)} |" in made
    assert "**2 of 3 numbers are met.**" in made
    assert "1,000,000 requests, one talk of 10,000 messages" in made
    assert "The machine was busy." in made
    assert into(made, markdown(RUN)) == made
    with pytest.raises(ValueError, match="no section"):
        into("nothing", markdown(RUN))


def test_programs_get_every_time() -> None:
    found = as_json(RUN)["measured"]
    assert isinstance(found, list)
    assert found[0]["times_ms"] == (400.0, 900.0, 450.0)
    assert (found[1]["met"], found[1]["value"], found[1]["budget_ms"]) == (False, 151.0, 150)
