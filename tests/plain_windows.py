"""What is known of an account's windows, worked out the plain way: one object for each sighting and each moment.

The product keeps sightings in columns, steps over idle moments and makes only what is shown. Here every sighting is
looked at, every moment of eight weeks is asked for its pace, and what is not shown is cut off in the end. Words and
ranks of forecasts are the product's: they are held by tests of their own.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import floor
from operator import itemgetter
from random import Random
from statistics import median
from uuid import UUID

from domain import account_windows as product
from domain import forecast
from domain.forecast import Forecast, Outlook
from domain.rate_limits import Gauge
from domain.reckoned_windows import Capacity, ReckonedWindow, Use
from domain.windows import FIVE_HOURS, JITTER, Sighting, length_of, model_scope_of
from schemas.limits_api import PastWindow, PointItem, Reading, WindowItem

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
Step = tuple[datetime, float]
"""A moment, and all that was used up by then."""


@dataclass
class Seen:
    """One window and the sightings of it."""

    sightings: list[Sighting]
    ended_at: datetime

    @property
    def resets_at(self) -> datetime:
        reset = self.sightings[0].gauge.resets_at
        assert reset is not None
        return reset

    @property
    def starts_at(self) -> datetime | None:
        length = length_of(self.newest.gauge.name)
        return None if length is None else self.resets_at - length

    @property
    def newest(self) -> Sighting:
        return self.sightings[-1]

    @property
    def points(self) -> list[tuple[datetime, float, UUID]]:
        shares = [(one.seen_at, one.gauge.utilization, one.request_id) for one in self.sightings]
        return [(at, share, whose) for at, share, whose in shares if share is not None]

    def said(self) -> Reading:
        if not self.points:
            return Reading(
                utilization=None,
                source="header",
                how="its headers tell no utilization",
                request_id=self.newest.request_id,
                seen_at=self.newest.seen_at,
            )
        at, share, whose = self.points[-1]
        how = "said by the headers of that answer"
        return Reading(utilization=share, source="header", how=how, request_id=whose, seen_at=at)

    def past(self) -> PastWindow:
        status = self.newest.gauge.status
        return PastWindow(starts_at=self.starts_at, ended_at=self.ended_at, reading=self.said(), status=status)


def lived(random: Random, now: datetime) -> tuple[list[Sighting], list[Use]]:
    """Weeks of an account before ``now``: what its answers said, and what it used.

    Resets are rounded now one way, now the other, windows are reset early, answers overtake each other, say no share or
    nothing at all, now and then for days.
    """
    sightings, uses, weeks = list[Sighting](), list[Use](), random.choice([0.2, 1, 4, 9])
    lengths = {"5h": FIVE_HOURS, "7d": WEEK, random.choice(["7d_oi", "30m", "odd"]): 3 * HOUR}
    resets, shares = dict.fromkeys(lengths, now - 10 * WEEK), dict.fromkeys(lengths, 0.0)
    at, pause = now - weeks * WEEK, random.choice([4, 12])
    silent_since, silent_until = random.choice([(now, now), (now - 20 * HOUR, now), (now - 5 * DAY, now - 3 * DAY)])
    while at < now:
        at += random.choice([7 * MINUTE, 31 * MINUTE, 2 * HOUR, pause * HOUR]) * random.uniform(0.5, 1.5)
        uses += [Use(at + later * SECOND, random.randrange(100_000)) for later in (0, 10, 70)]
        for name, length in lengths.items():
            if at >= resets[name] or random.random() < 0.01:
                resets[name], shares[name] = (at + length).replace(microsecond=0), 0.0
            shares[name] = round(shares[name] + random.choice([0, 0, 0.01, 0.04, 0.2]) * (HOUR * 5 / length) ** 0.5, 3)
            told = Gauge(
                kind="window",
                name=name,
                status=random.choice([None, "allowed", "allowed", "allowed_warning", "rejected", "näher"]),
                utilization=random.choice([None, *[shares[name]] * 9]),
                resets_at=random.choice([None, *[resets[name] + random.choice([-20, 0, 0, 30]) * SECOND] * 20]),
                surpassed=random.random() < 0.1,
                threshold=random.choice([None, 0.75]),
            )
            late = random.choice([0, 0, 0, 6]) * MINUTE
            if random.random() < 0.9 and not silent_since <= at < silent_until:
                sightings.append(Sighting(at + late, UUID(int=random.getrandbits(128)), told))
    return [one for one in sightings if one.seen_at <= now], [use for use in uses if use.at <= now]


def seen_windows(sightings: Sequence[Sighting], name: str) -> list[Seen]:
    """Each sighting, in order, joins the newest window whose first reset is near."""
    ordered, known, found = sorted(sightings, key=lambda one: one[:2]), set[tuple[datetime, UUID]](), list[Seen]()
    for one in ordered:
        reset = one.gauge.resets_at
        if one.gauge.kind != "window" or one.gauge.name != name or reset is None or one[:2] in known:
            continue
        known.add(one[:2])
        near = [window for window in found if abs(window.resets_at - reset) <= JITTER]
        if near:
            near[-1].sightings.append(one)
        else:
            found.append(Seen([one], reset))
    for window, following in pairwise(found):
        window.ended_at = min(window.ended_at, following.sightings[0].seen_at)
    return found


def used(uses: Sequence[Use], start: datetime, end: datetime) -> int:
    """From the one moment on, and before the other."""
    return sum(use.tokens for use in uses if start <= use.at < end)


def used_after(uses: Sequence[Use], start: datetime, until: datetime) -> int:
    return sum(use.tokens for use in uses if start < use.at <= until)


def filling(windows: Sequence[Seen], uses: Sequence[Use]) -> Capacity | None:
    """How many tokens fill a window, by those whose beginning is known."""
    found = list[tuple[float, float, float]]()
    for window in windows:
        start, shares = window.starts_at, [share for _, share, _ in window.points]
        if start is None or not uses or start < min(use.at for use in uses) or not shares:
            continue
        share = max(shares)
        at = next(at for at, each, _ in window.points if each == share)
        tokens = used(uses, start, at + timedelta(microseconds=1))
        if tokens and 0.05 <= share < 1:
            found.append((tokens / (share + 0.005), tokens / share, tokens / (share - 0.005)))
    if not found:
        return None
    return Capacity(
        min(low for low, _, _ in found),
        median(likely for _, likely, _ in found),
        max(high for *_, high in found),
        len(found),
    )


def unseen_windows(windows: Sequence[Seen], uses: Sequence[Use]) -> list[ReckonedWindow]:
    """A walk over what was used: what lies in no window of headers begins one of its own."""
    spans = sorted((one.starts_at - product.SKEW, one.ended_at) for one in windows if one.starts_at is not None)
    found, ends = list[ReckonedWindow](), None
    for use in sorted(uses, key=lambda one: one.at):
        if any(start <= use.at < end for start, end in spans) or (ends is not None and use.at < ends):
            continue
        ends = min([use.at + FIVE_HOURS, *(start for start, _ in spans if start > use.at)])
        found.append(ReckonedWindow(use.at, ends, used(uses, use.at, ends)))
    return found


def climbed(windows: Sequence[Seen]) -> list[Step]:
    """All that was used up, moment by moment, across resets."""
    rises = list[Step]()
    for window in windows:
        fullest = 0.0
        for at, share, _ in window.points:
            rises.append((at, max(fullest, share) - fullest))
            fullest = max(fullest, share)
    level, found = 0.0, list[Step]()
    for at, rise in sorted(rises):
        level += rise
        found.append((at, level))
    return found


def level(climb: Sequence[Step], at: datetime) -> float:
    place = bisect_right(climb, at, key=itemgetter(0))
    return climb[place - 1][1] if place else 0.0


def pace(climb: Sequence[Step], at: datetime, length: timedelta) -> float:
    looks = [part * length for part in forecast.LOOK_BACKS]
    return sorted((level(climb, at) - level(climb, at - look)) / (look / HOUR) for look in looks)[1]


def time_for(climb: Sequence[Step], rise: float, start: datetime, horizon: timedelta) -> timedelta | None:
    aim = level(climb, start) + rise - 1e-9
    reached = [when for when, found in climb if found > aim]
    took = reached[0] - start if reached else None
    return None if took is None or took > horizon else max(timedelta(), took)


def micros_of(cases: Sequence[timedelta | None]) -> list[int | None]:
    return [None if took is None else took // timedelta(microseconds=1) for took in cases]


def at_present_pace(climb: Sequence[Step], outlook: Outlook) -> Forecast:
    """Every moment of eight weeks is asked."""
    lately = pace(climb, outlook.now, outlook.length)
    if lately <= 0:
        span = forecast._words(forecast.LOOK_BACKS[1] * outlook.length)
        return Forecast(
            pace="present", per_hour=0.0, reason=f"nothing was used in the last {span}, as far as headers tell"
        )
    step = outlook.length / 10
    first = max(climb[0][0] + forecast.LOOK_BACKS[-1] * outlook.length, outlook.now - 8 * WEEK)
    last = outlook.now - outlook.horizon
    moments = [last - number * step for number in range(floor((last - first) / step) + 1)]
    past = [(found, at) for at in moments if (found := pace(climb, at, outlook.length)) > 0]
    alike = [(found, at) for found, at in past if lately / 3 <= found <= lately * 3]
    chosen = alike if len(alike) >= forecast.LEAST_CASES else past
    if len(chosen) < forecast.LEAST_CASES:
        reason = f"{len(chosen)} earlier moments with a pace are known of; {forecast.LEAST_CASES} are needed"
        return Forecast(pace="present", per_hour=lately, reason=reason)
    cases = [time_for(climb, outlook.left * found / lately, at, outlook.horizon) for found, at in chosen]
    return forecast._forecast("present", outlook, micros_of(cases), per_hour=lately)


def at_usual_pace(climb: Sequence[Step], outlook: Outlook) -> Forecast:
    starts = [outlook.now - week * WEEK for week in range(1, 9)]
    known = [at for at in starts if climb and climb[0][0] <= at <= outlook.now - outlook.horizon]
    if len(known) < forecast.LEAST_WEEKS:
        return Forecast(
            pace="usual", reason=f"{len(known)} earlier weeks are known of; {forecast.LEAST_WEEKS} are needed"
        )
    cases = [time_for(climb, outlook.left, at, outlook.horizon) for at in known]
    return forecast._forecast("usual", outlook, micros_of(cases))


def window_items(sightings: Sequence[Sighting], uses: Sequence[Use], now: datetime) -> list[WindowItem]:
    """All windows of an account."""
    names = {one.gauge.name for one in sightings if one.gauge.kind == "window" and one.gauge.resets_at is not None}
    ordered = sorted(names | {"5h"}, key=lambda name: (length_of(name) or timedelta.max, name))
    items = [Plain(name, seen_windows(sightings, name), uses, now).item() for name in ordered]
    return [item for item in items if item is not None]


class Plain:
    """The windows of one name, the present one last."""

    def __init__(self, name: str, windows: Sequence[Seen], uses: Sequence[Use], now: datetime) -> None:
        self.name, self.windows, self.uses, self.now = name, windows, uses, now
        self.length = length_of(name)
        self.capacity = filling(windows, uses) if name == "5h" else None
        self.unseen = unseen_windows(windows, uses) if name == "5h" else []

    def item(self) -> WindowItem | None:
        newest = self.unseen[-1] if self.unseen else None
        if newest is not None and (not self.windows or newest.starts_at >= self.windows[-1].ended_at):
            return self.reckoned(newest)
        return self.told() if self.windows else None

    def told(self) -> WindowItem:
        window = self.windows[-1]
        gauge, over = window.newest.gauge, window.ended_at <= self.now
        before = [one.past() for one in self.windows[:-1][::-1]][: product.MAX_PAST]
        current = self.after_reset(window) if over else self.since_header(window)
        return WindowItem(
            name=self.name,
            model_scope=model_scope_of(self.name),
            length_s=int(self.length.total_seconds()) if self.length else None,
            state="over" if over else "open",
            starts_at=window.starts_at,
            resets_at=window.resets_at,
            bounds="header",
            said=window.said(),
            now=current,
            status=gauge.status,
            warning=gauge.surpassed or gauge.status in {"allowed_warning", "rejected"},
            threshold=gauge.threshold,
            forecasts=[] if over else [product._forecast(one) for one in self.forecasts(window, current)],
            history=self.history(),
            past=self.newest_first([*before, *self.past_reckoned(self.unseen)]) if self.name == "5h" else before,
        )

    def reckoned(self, window: ReckonedWindow) -> WindowItem:
        over = window.ends_at <= self.now
        end = window.ends_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        how = f"five hours from its first request passed at {end}, and nothing was used since"
        empty = Reading(utilization=0.0, tokens=0, source="reckoned", how=how)
        past = self.unseen if over else self.unseen[:-1]
        return WindowItem(
            name="5h",
            model_scope=None,
            length_s=18_000,
            state="over" if over else "open",
            starts_at=window.starts_at,
            resets_at=window.ends_at,
            bounds="reckoned",
            said=None,
            now=empty if over else product._reading(window, self.capacity),
            status=None,
            warning=False,
            threshold=None,
            forecasts=[],
            history=self.history(),
            past=self.newest_first([*(one.past() for one in self.windows), *self.past_reckoned(past)]),
        )

    def past_reckoned(self, windows: Sequence[ReckonedWindow]) -> list[PastWindow]:
        return [product._past_reckoned(one, self.capacity) for one in windows]

    def newest_first(self, windows: Sequence[PastWindow]) -> list[PastWindow]:
        return sorted(windows, key=lambda one: one.ended_at, reverse=True)[: product.MAX_PAST]

    def after_reset(self, window: Seen) -> Reading:
        end = window.ended_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        tokens = used_after(self.uses, window.ended_at, self.now)
        if not tokens:
            how = f"its reset passed at {end}, and nothing was used since"
            return Reading(utilization=0.0, tokens=0, source="reckoned", how=how)
        how = (
            f"its reset passed at {end}; {tokens} tokens were used since without a header, which do not tell how full "
            "they make it"
        )
        return Reading(utilization=None, tokens=tokens, source="reckoned", how=how)

    def since_header(self, window: Seen) -> Reading:
        said, tokens = window.said(), used_after(self.uses, window.newest.seen_at, self.now)
        if self.capacity is None or not tokens or said.utilization is None:
            return said
        words = product._capacity_text(self.capacity)
        return said.model_copy(
            update={
                "utilization": said.utilization + tokens / self.capacity.likely,
                "low": said.utilization + tokens / self.capacity.high,
                "high": said.utilization + tokens / self.capacity.low,
                "tokens": tokens,
                "source": "reckoned",
                "how": f"the newest header's share, and {tokens} tokens that were used since; {words}",
            }
        )

    def forecasts(self, window: Seen, current: Reading) -> list[Forecast]:
        if self.length is None or current.utilization is None or current.utilization >= 1:
            return []
        climb, outlook = climbed(self.windows), Outlook(self.now, window.resets_at, self.length, current.utilization)
        return [at_present_pace(climb, outlook), at_usual_pace(climb, outlook)]

    def history(self) -> list[PointItem]:
        since = self.now - (WEEK if self.length is not None and self.length < DAY else 8 * WEEK)
        points = sorted((point for one in self.windows for point in one.points), key=lambda point: point[0])
        return [PointItem(at=at, utilization=share, request_id=whose) for at, share, whose in points if at >= since]
