"""How often is the cause of a cache miss named, and how often rightly? On generated sessions, by cause.

python -m tests.bench.explaining [--sessions 3000] [--seed 0] [--docs]

Sessions are real ones with a cause planted at a random place. One in five has a second cause planted at the same
request; either is then right. One in ten has a body or a bill missing around it, and then ``unknown`` is the only
honest answer, unless the counts show that nothing was lost. Bills come from a provider that only the tests know.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from domain.cache_misses import QUIET, CacheVerdict
from tests.planted_causes import PLANTS, Billed, Plant, billed, plant, talk, verdicts
from tests.source_tree import ROOT

PAGE = ROOT / "docs" / "cache.md"
BEGIN, END = "<!-- measured: explaining -->", "<!-- end -->"
SECOND, BLIND = 0.2, 0.1
HEAD = ("cause", "planted alone", "named", "rightly", "precision", "unknown")
WHOLE = [one for one in PLANTS if one.cause not in {"unknown", "none"}]


@dataclass
class Session:
    """A generated one, and what was planted in it."""

    causes: tuple[str, ...]
    """Empty: nothing was."""
    blind: bool
    at: int
    bills: list[Billed]

    @property
    def found(self) -> list[CacheVerdict]:
        return verdicts(self.bills)


@dataclass
class Score:
    """Counts by cause."""

    alone: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    """Sessions in which a cause was planted and evidence was there, and none was named."""
    silent: int = 0
    """Sessions in which something planted was lost, and it was taken for no miss."""
    blind: int = 0
    blind_named: int = 0
    """Of those without evidence: a cause was named all the same."""
    false_alarms: int = 0
    compared: int = 0

    def take(self, session: Session) -> None:
        for number, verdict in enumerate(session.found):
            if number != session.at:
                self._take_other(verdict, near_a_gap=session.blind)
        said = session.found[session.at].cause
        if session.blind:
            self.blind += 1
            self.blind_named += said not in {*QUIET, "unknown"}
            return
        if not session.causes:
            self._take_other(session.found[session.at], near_a_gap=False)
            return
        if len(session.causes) == 1:
            self.alone[session.causes[0]] += 1
            self.unknown[session.causes[0]] += said == "unknown"
        if said in {"none", "first"}:
            self.silent += 1
            return
        self.named[said] += said != "unknown"
        self.right[said] += said in session.causes

    def _take_other(self, verdict: CacheVerdict, *, near_a_gap: bool) -> None:
        self.compared += 1
        self.false_alarms += verdict.cause not in {*QUIET, *(["unknown"] if near_a_gap else [])}

    def rows(self) -> Iterator[tuple[str, ...]]:
        for cause in dict.fromkeys(one.cause for one in WHOLE):
            named, right, alone = self.named[cause], self.right[cause], self.alone[cause]
            precision = f"{right / named:.1%}" if named else "–"
            share = f"{self.unknown[cause] / alone:.1%}" if alone else "–"
            yield f"`{cause}`", str(alone), str(named), str(right), precision, share


def sessions(count: int, seed: int) -> Iterator[Session]:
    for number in range(count):
        random = Random(seed * 1_000_003 + number)
        sent = talk(random, random.choice(["5m", "1h"]))
        at = random.randrange(2, len(sent))
        if random.random() < 1 / len(PLANTS):
            yield Session((), False, at, billed(sent))
            continue
        planted = [random.choice(WHOLE)]
        if random.random() < SECOND:
            planted.append(random.choice(WHOLE))
        for one in sorted(planted, key=lambda one: one.cause == "compaction"):  # it keeps what others put at the end
            sent = plant(sent, one, at, random)
        blind = random.random() < BLIND
        if blind:
            sent[at - random.choice([0, 1])].evidence = False
        bills = billed(sent)
        yield Session(_effective(planted, bills, at), blind, at, bills)


def _effective(planted: list[Plant], bills: list[Billed], at: int) -> tuple[str, ...]:
    """None where the provider's bill shows that the second plant undid the first (an hour's marks, a short wait)."""
    had, got = bills[at - 1].usage, bills[at].usage["cache_read_input_tokens"]
    lost = had["cache_read_input_tokens"] + had["cache_creation_input_tokens"] - got
    return tuple(one.cause for one in planted) if lost > 0 else ()


def measured(count: int, seed: int) -> Score:
    score = Score()
    for session in sessions(count, seed):
        score.take(session)
    return score


def report(score: Score, count: int) -> str:
    lines = [HEAD, tuple("---" for _ in HEAD), *score.rows()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    named, right = sum(score.named.values()), sum(score.right.values())
    return (
        f"{count} generated sessions, {score.compared} requests in them in which nothing was planted.\n\n{table}\n\n"
        f"In all: {right} of {named} causes named rightly; {score.silent} more were taken for no miss. "
        f"False alarms where nothing was planted: "
        f"{score.false_alarms}. Sessions with evidence missing: {score.blind}, of which a cause was named in "
        f"{score.blind_named}.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.explaining", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--sessions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--docs", action="store_true", help="write the table of docs/cache.md")
    asked = parser.parse_args(arguments)
    text = report(measured(asked.sessions, asked.seed), asked.sessions)
    print(text)
    if asked.docs:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
