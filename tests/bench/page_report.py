"""Do the pages keep their budgets? What was measured, beside what was promised, as a table; pure."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.bench.numbers import median, percentile
from tests.bench.page_visits import BUDGET_MS, Kind

BEGIN, END = "<!-- measured pages -->", "<!-- end of measured pages -->"
_SECTION = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
HEAD = ("what", "goal", "median", "lowest – highest", "")
SAID: dict[Kind, str] = {
    "shell": "first paint",
    "data": "data",
    "interaction": "",
    "frame": "95 of 100 frames",
    "query": "asked of the store",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing that was done several times."""

    kind: Kind
    name: str
    times_ms: tuple[float, ...]

    @property
    def value(self) -> float:
        """Of frames the 95th percentile, of all else the median."""
        return percentile(self.times_ms, 0.95) if self.kind == "frame" else median(self.times_ms)

    @property
    def met(self) -> bool:
        return bool(self.times_ms) and self.value <= BUDGET_MS[self.kind]


@dataclass(frozen=True, slots=True)
class PagesRun:
    """A run of the bench of pages."""

    when: str
    machine: str
    requests: int
    messages: int
    measured: tuple[Measured, ...]
    remarks: tuple[str, ...] = ()


def rows(run: PagesRun) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            f"{one.name}: {SAID[one.kind]}" if SAID[one.kind] else one.name,
            f"≤ {BUDGET_MS[one.kind]:,.0f} ms",
            f"{one.value:,.0f} ms",
            f"{min(one.times_ms):,.0f} – {max(one.times_ms):,.0f}",
            "met" if one.met else "short",
        )
        for one in run.measured
    ]


def markdown(run: PagesRun) -> str:
    """The section of docs/performance.md that a run writes."""
    met = sum(one.met for one in run.measured)
    lines = [
        BEGIN,
        f"Measured {run.when}: {run.requests:,} requests, one talk of {run.messages:,} messages. {run.machine}",
        "",
        f"**{met} of {len(run.measured)} numbers are met.**",
        "",
        *(f"{remark}\n" for remark in run.remarks),
        _line(HEAD),
        "|" + "---|" * len(HEAD),
        *(_line((*row[:4], f"**{row[4]}**")) for row in rows(run)),
        END,
    ]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def into(text: str, section: str) -> str:
    """The page with its section made anew."""
    if not _SECTION.search(text):
        raise ValueError(f"The page has no section between {BEGIN} and {END}.")
    return _SECTION.sub(lambda _: section, text)


def as_json(run: PagesRun) -> dict[str, object]:
    """For programs: every time of every round, and the verdicts."""
    found = [
        {**asdict(one), "value": one.value, "budget_ms": BUDGET_MS[one.kind], "met": one.met} for one in run.measured
    ]
    return {**asdict(run), "measured": found}
