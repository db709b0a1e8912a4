"""What did we promise, and does a run keep it? The table of numbers of the design, decided from figures, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.bench.numbers import median

Figures = Mapping[str, float]
NEAR_CEILING = 0.9


@dataclass(frozen=True)
class Goal:
    """One promise, as a number that every round gives."""

    row: str
    what: str
    kind: Literal["at least", "at most"]
    bound: float
    unit: str
    """x: a ratio."""
    over: str
    """Figure of Nexus."""
    against: str = ""
    """Figure that it is divided by, or for the kinds ``added``, that is taken away."""
    added: bool = False
    allowance: str = ""
    """Figure that is taken away as well."""

    def needs(self) -> list[str]:
        return [name for name in (self.over, self.against, self.allowance) if name]

    def value(self, figures: Figures) -> float:
        """Of one round."""
        value = figures[self.over]
        if self.added:
            return value - figures[self.against] - (figures[self.allowance] if self.allowance else 0)
        return value / figures[self.against] if self.against else value


GOALS = (
    Goal("json", "small JSON, burst, against bare", "at least", 1.0, "x", "nexus.per_s", "bare.per_s"),
    Goal("json", "small JSON until lag 0, against bare", "at least", 0.6, "x", "nexus.sustained_per_s", "bare.per_s"),
    Goal("streams", "streams of 200 chunks, against bare", "at least", 1.0, "x", "nexus.per_s", "bare.per_s"),
    Goal("streams", "streams of 200 chunks, against nginx", "at least", 0.8, "x", "nexus.per_s", "nginx.per_s"),
    Goal("paced", "first byte p50, 64 paced streams, over bare", "at most", 1.0, "ms",
         "nexus.first_p50_ms", "bare.first_p50_ms", added=True),
    Goal("paced", "first byte p99, 64 paced streams, over bare", "at most", 5.0, "ms",
         "nexus.first_p99_ms", "bare.first_p99_ms", added=True),
    Goal("paced", "CPU per 1000 paced chunks, gateway, against bare", "at most", 0.8, "x", "nexus.cpu_s", "bare.cpu_s"),
    Goal("paced", "CPU per 1000 paced chunks, whole product, against bare", "at most", 1.3, "x",
         "nexus.whole_cpu_s", "bare.cpu_s"),
    Goal("body", "800 kB body: first byte over bare and one fdatasync of it", "at most", 1.0, "ms",
         "nexus.first_ms", "bare.first_ms", added=True, allowance="disk.fdatasync_ms"),
    Goal("body", "800 kB body: requests/s, against bare", "at least", 0.6, "x", "nexus.per_s", "bare.per_s"),
    Goal("idle", "1000 mostly idle streams: finish, against direct", "at most", 1.1, "x",
         "nexus.seconds", "direct.seconds"),
    Goal("idle", "1000 mostly idle streams: memory of the gateway", "at most", 100, "MB", "nexus.resident_mb"),
    Goal("session", "session of 200 turns: stored of its requests", "at most", 0.6, "MB", "nexus.stored_mb"),
    Goal("session", "session of 200 turns: first byte, last quarter against first", "at most", 1.5, "x",
         "nexus.last_quarter_ms", "nexus.first_quarter_ms"),
    Goal("mix", "captures, until in the read models", "at least", 500, "exchanges/s", "nexus.per_s"),
    Goal("fresh", "new bytes, until in the read models", "at least", 20, "MB/s", "nexus.fresh_mb_per_s"),
    Goal("live", "commit to read model, p99", "at most", 250, "ms", "nexus.lag_p99_ms"),
    Goal("viewers", "20 viewers of the dashboard: a chunk's delay p99, over nobody", "at most", 2.0, "ms",
         "nexus.watched_delay_p99_ms", "nexus.alone_delay_p99_ms", added=True),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of a goal."""

    goal: Goal
    values: tuple[float, ...]
    """Of the rounds."""
    note: str = ""

    @property
    def measured(self) -> float:
        return median(self.values)

    @property
    def met(self) -> bool:
        if self.goal.kind == "at least":
            return self.measured >= self.goal.bound
        return self.measured <= self.goal.bound

    @property
    def word(self) -> str:
        return "met" if self.met else "short"


def verdicts(rounds: Mapping[str, Sequence[Figures]]) -> list[Verdict]:
    """``rounds``: row → figures of its rounds. What was not measured has no verdict."""
    found = []
    for goal in GOALS:
        figures = [one for one in rounds.get(goal.row, ()) if all(name in one for name in goal.needs())]
        if figures:
            values = tuple(goal.value(one) for one in figures)
            found.append(Verdict(goal, values, ceiling_note(goal, figures)))
    return found


def ceiling_note(goal: Goal, rounds: Sequence[Figures]) -> str:
    """A throughput close to what generator and upstream can do says little of the target."""
    if not goal.over.endswith("per_s") or goal.over.partition(".")[2] == "sustained_per_s":
        return ""
    near = [
        name.partition(".")[0]
        for name in (goal.over, goal.against)
        if name
        and all(f"direct.{name.partition('.')[2]}" in one for one in rounds)
        and median([one[name] / one[f"direct.{name.partition('.')[2]}"] for one in rounds]) >= NEAR_CEILING
    ]
    return f"{' and '.join(near)} within 10 % of the bench's own ceiling" if near else ""
