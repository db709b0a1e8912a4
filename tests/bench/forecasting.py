"""``python -m tests.bench.forecasting``: forecasts of generated months, held against how those months went on.

python -m tests.bench.forecasting                three seeds of each kind of user, twelve weeks each
python -m tests.bench.forecasting --seeds 1 --moments 20    a look

Each month is a user who works in a way of his own against two windows, five hours and a week, and is refused while
one is full. At moments drawn at random, whoever forecasts sees what the product would have kept until then, and the
truth is when the window was full, if it was. Nothing of a month depends on anything but its seed.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from statistics import mean, median
from uuid import UUID

from domain.forecast import Climb, Forecast, Outlook, at_present_pace, at_usual_pace
from domain.rate_limits import Gauge
from domain.windows import Sighting, length_of, windows_of

START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEKS_KNOWN, WEEKS = 8, 12
"""The first weeks are only history."""
NAMES = ("5h", "7d")
_SPANS = {"5h": 15, "7d": 60}
_MINUTES_SEEN = 360

Work = Callable[[Random, int], dict[int, float]]
"""Of a day (0: Monday of the first week): how much is wanted in which of its minutes; 1: a usual minute."""


def office_hours(random: Random, day: int) -> dict[int, float]:
    """Nine to six with a pause, some days off, some days harder than others."""
    if day % 7 >= 5 or random.random() < 0.05:
        return {}
    begin, end, pace = random.gauss(540, 20), random.gauss(1080, 40), random.lognormvariate(0, 0.35)
    pause = random.gauss(750, 20)
    return {
        minute: pace * random.expovariate(1)
        for minute in range(int(begin), min(1440, int(end)))
        if not pause <= minute < pause + 45 and random.random() < 0.5
    }


def nightly_batch(random: Random, day: int) -> dict[int, float]:
    """Every night a batch that takes two to four hours, and next to nothing by day."""
    begin, length = max(0.0, random.gauss(65, 8)), random.uniform(120, 240)
    batch = {minute: random.uniform(1.2, 2.0) for minute in range(int(begin), int(begin + length))}
    return batch | {minute: 0.5 for minute in range(600, 1000) if random.random() < 0.01}


def bursts(random: Random, day: int) -> dict[int, float]:
    """Now and then an hour of much, at any time of the day."""
    found = dict[int, float]()
    for _ in range(random.choice((0, 1, 2, 2, 3))):
        begin, length = random.uniform(420, 1320), random.uniform(20, 100)
        found |= {minute: random.expovariate(0.4) for minute in range(int(begin), min(1440, int(begin + length)))}
    return found


USERS: dict[str, Work] = {"office hours": office_hours, "nightly batch": nightly_batch, "bursts": bursts}
CAPACITIES = {"office hours": (150.0, 1000.0), "nightly batch": (330.0, 1750.0), "bursts": (190.0, 1450.0)}
"""Of the two windows, so that each is full now and then."""


@dataclass
class Month:
    """What happened: of each window, minute by minute, how full it was and when it is reset."""

    readings: dict[str, list[tuple[int, float, int]]] = field(default_factory=lambda: {name: [] for name in NAMES})
    """(minute, share, minute of the reset)."""

    def sightings(self, name: str, now: int) -> list[Sighting]:
        """What the product keeps until then: the newest of each span, and of each minute lately."""
        kept = dict[tuple[int, int], tuple[int, float, int]]()
        for reading in self.readings[name]:
            if now - WEEKS_KNOWN * 10_080 <= reading[0] <= now:
                span = 1 if reading[0] > now - _MINUTES_SEEN else _SPANS[name]
                kept[span, reading[0] // span] = reading
        return [_sighting(name, *reading) for reading in kept.values()]

    def full_at(self, name: str, now: int, reset: int) -> int | None:
        """The truth."""
        return next((at for at, share, end in self.readings[name] if at > now and end == reset and share >= 1), None)


def month_of(user: str, seed: int, weeks: int = WEEKS) -> Month:
    random, month = Random(f"{user} {seed}"), Month()
    capacities = dict(zip(NAMES, CAPACITIES[user], strict=True))
    lengths = {name: minutes_of(name) for name in NAMES}
    used, resets = dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 0)
    for day in range(7 * weeks):
        for minute, wanted in sorted(USERS[user](random, day).items()):
            now = 1440 * day + minute
            for name in NAMES:
                if now >= resets[name]:
                    used[name], resets[name] = 0.0, now + lengths[name]
            if any(used[name] >= capacities[name] for name in NAMES):
                continue
            for name in NAMES:
                used[name] += wanted
                month.readings[name].append((now, min(1.0, used[name] / capacities[name]), resets[name]))
    return month


def minutes_of(name: str) -> int:
    length = length_of(name)
    assert length is not None  # ours
    return length // MINUTE


def at(minute: int) -> datetime:
    return START + minute * MINUTE


def _sighting(name: str, minute: int, share: float, reset: int) -> Sighting:
    gauge = Gauge(kind="window", name=name, utilization=round(share, 2), resets_at=at(reset))
    return Sighting(at(minute), UUID(int=minute + 1), gauge)


@dataclass(frozen=True)
class Trial:
    """One forecast and the truth."""

    forecast: Forecast
    now: datetime
    truth: datetime | None

    @property
    def made(self) -> bool:
        return self.forecast.level is not None

    @property
    def covered(self) -> bool:
        """None is later than every moment."""
        last = datetime.max.replace(tzinfo=UTC)
        return (self.forecast.earliest or last) <= (self.truth or last) <= (self.forecast.latest or last)

    @property
    def matters(self) -> bool:
        """Not the easy "never" that came true."""
        return self.truth is not None or self.forecast.earliest is not None

    @property
    def error(self) -> timedelta | None:
        return abs(self.truth - self.forecast.likely) if self.truth and self.forecast.likely else None


def trials(user: str, seed: int, name: str, moments: int) -> Iterator[Trial]:
    """Two for each moment: at the present and at the usual pace."""
    month, random = month_of(user, seed), Random(seed)
    possible = [one for one in month.readings[name] if one[0] >= WEEKS_KNOWN * 10_080 and one[1] < 1]
    for minute, share, reset in random.sample(possible, min(moments, len(possible))):
        truth = month.full_at(name, minute, reset)
        outlook = Outlook(at(minute), at(reset), minutes_of(name) * MINUTE, round(share, 2))
        climb = Climb(windows_of(month.sightings(name, minute))[name])
        for made in (at_present_pace, at_usual_pace):
            yield Trial(made(climb, outlook), at(minute), at(truth) if truth is not None else None)


HEAD = (
    "| user | window | pace | forecasts of moments | came full | stated | covered | where it matters | median error |"
)


def row_of(user: str, name: str, pace: str, found: Sequence[Trial]) -> str:
    made = [one for one in found if one.made]
    cells = [user, name, pace, f"{len(made)} of {len(found)}"]
    if made:
        hard = [one for one in made if one.matters]
        errors = [one.error / timedelta(hours=1) for one in made if one.error is not None]
        cells += [
            f"{mean(one.truth is not None for one in made):.0%}",
            f"{mean(one.forecast.level or 0 for one in made):.0%}",
            f"{mean(one.covered for one in made):.0%}",
            f"{mean(one.covered for one in hard):.0%} of {len(hard)}" if hard else "-",
            f"{median(errors):.1f} h" if errors else "-",
        ]
    return "| " + " | ".join([*cells, *["-"] * (9 - len(cells))]) + " |"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--moments", type=int, default=100, help="of each month and window")
    asked = parser.parse_args(words)
    print(HEAD, "|" + "---|" * 9, sep="\n")
    for user, name in product(USERS, NAMES):
        found = [one for seed in range(asked.seeds) for one in trials(user, seed, name, asked.moments)]
        for pace in ("present", "usual"):
            print(row_of(user, name, pace, [one for one in found if one.forecast.pace == pace]), flush=True)


if __name__ == "__main__":
    main()
