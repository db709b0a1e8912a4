"""How is a run told? As a table for the terminal, as Markdown for the docs, as JSON, pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.bench.goals import Figures, Goal, Verdict, verdicts
from tests.bench.numbers import median, spread

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
_SECTION = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """All that a run found."""

    when: str
    machine: str
    size: str
    rounds: Mapping[str, Sequence[Figures]]
    remarks: Sequence[str] = ()
    """What whoever reads the numbers has to know."""
    took_s: float = 0.0


def number(value: float, unit: str = "") -> str:
    """Three digits that mean something."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{digits}f}{' ' if unit and unit != 'x' else ''}{'×' if unit == 'x' else unit}"


def bound(goal: Goal, *, short: bool = False) -> str:
    """``short``: beside a number with its unit."""
    return f"{'≥' if goal.kind == 'at least' else '≤'} {number(goal.bound, '' if short else goal.unit)}"


def goal_rows(found: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """What, goal, measured, from the lowest to the highest round, verdict, note."""
    return [
        (
            one.goal.what,
            bound(one.goal),
            number(one.measured, one.goal.unit),
            f"{number(min(one.values))} – {number(max(one.values))}",
            one.word,
            one.note,
        )
        for one in found
    ]


def figure_rows(rounds: Mapping[str, Sequence[Figures]]) -> list[tuple[str, ...]]:
    """Row, figure, median of each target."""
    found = list[tuple[str, ...]]()
    for row, figures in rounds.items():
        names = dict.fromkeys(name for one in figures for name in one)
        kinds = dict.fromkeys(name.partition(".")[2] for name in names)
        for kind in kinds:
            cells = []
            for target in TARGETS:
                values = [one[f"{target}.{kind}"] for one in figures if f"{target}.{kind}" in one]
                cells.append(f"{number(median(values))} (±{50 * spread(values):.0f} %)" if values else "")
            found.append((row, kind, *cells))
    return found


TARGETS = ("direct", "nginx", "bare", "nexus", "disk")
GOAL_HEAD = ("what", "goal", "measured", "rounds", "", "note")
FIGURE_HEAD = ("row", "figure", *TARGETS)


def markdown(run: Run) -> str:
    """The section of docs/performance.md that a run writes."""
    found = verdicts(run.rounds)
    met = sum(one.met for one in found)
    count = max((len(one) for one in run.rounds.values()), default=0)
    rounds = f"{count} {'round' if count == 1 else 'rounds'} in {run.took_s / 60:.0f} minutes"
    lines = [
        BEGIN,
        f"Measured {run.when}, {rounds}, sizes: {run.size}. {run.machine}",
        "",
        f"**{met} of {len(found)} numbers are met.** Measured: the median; beside it the lowest and the highest round.",
        "",
        *(f"{line}\n" for line in run.remarks),
        "![How far each number is from its goal](images/performance.svg)",
        "",
        *_table(GOAL_HEAD, [(*row[:4], f"**{row[4]}**", row[5]) for row in goal_rows(found)]),
        "",
        "What stands behind them (medians; in brackets half the distance from the lowest to the highest round):",
        "",
        *_table(FIGURE_HEAD, figure_rows(run.rounds)),
        END,
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(head), "|" + "---|" * len(head), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def into(text: str, section: str) -> str:
    """The page with its measured section made anew."""
    if not _SECTION.search(text):
        raise ValueError(f"The page has no section between {BEGIN} and {END}.")
    return _SECTION.sub(lambda _: section, text)


def as_json(run: Run) -> dict[str, object]:
    """For programs: every figure of every round, and the verdicts."""
    found = [
        {**asdict(one.goal), "values": one.values, "measured": one.measured, "verdict": one.word, "note": one.note}
        for one in verdicts(run.rounds)
    ]
    return {**asdict(run), "goals": found}
