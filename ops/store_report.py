"""What does the store hold, how fast does it grow, and how long will the disk last? Figures in, text or JSON out; pure.

The pace is that of the whole days there are, of at most a week: exchanges a day, times what one exchange takes of
our tables as they stand, indexes and read models included. Today counts only in a store that began today.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.formatting import size
from ops.db.store_stats import Amount, Build, Relation, StoreStats
from ops.text_table import text_table

_KINDS = {
    "nexus_events": "events",
    "event_seals": "seals",
    "parts": "request bodies",
    "chunks": "answers",
    "scopes": "scopes",
}
_MONTHLY = ("nexus_events", "chunks")
_MANY_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Disks:
    """What the store itself cannot know."""

    journal_bytes: int
    kept_bytes: int
    """Of journals that are shipped and kept for restores."""
    free_bytes: int | None
    """On the disk of the embedded database; None: the server is elsewhere."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Tables that belong together."""

    name: str
    rows: int
    bytes: int
    index_bytes: int
    dead: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How it goes on at this pace."""

    days: int
    """Whole days it rests on; 0: today alone, or nothing."""
    exchanges_per_day: float
    bytes_per_exchange: float
    full_in_days: float | None
    """None: not known, or never."""

    @property
    def bytes_per_day(self) -> float:
        return self.exchanges_per_day * self.bytes_per_exchange


def forecast(stats: StoreStats, free_bytes: int | None) -> Forecast:
    whole = [day.exchanges for day in stats.days[:-1]]
    while whole and whole[0] == 0:  # the store is younger than that
        whole.pop(0)
    counted = whole or [day.exchanges for day in stats.days[-1:]]
    per_day = sum(counted) / max(len(counted), 1)
    stored = sum(one.bytes + one.index_bytes for one in stats.relations)
    per_exchange = stored / stats.sent.rows if stats.sent.rows else 0.0
    pace = per_day * per_exchange
    return Forecast(len(whole), per_day, per_exchange, free_bytes / pace if free_bytes is not None and pace else None)


def kinds(stats: StoreStats) -> list[Kind]:
    """The largest first."""
    builds = {build.schema: build for build in stats.builds}
    grouped: dict[str, list[Relation]] = {}
    for one in stats.relations:
        grouped.setdefault(_kind(one, builds), []).append(one)
    found = [Kind(name, *_sums(members)) for name, members in grouped.items()]
    return sorted(found, key=lambda kind: (-kind.bytes - kind.index_bytes, kind.name))


def _kind(one: Relation, builds: Mapping[str, Build]) -> str:
    if (build := builds.get(one.schema)) is not None:
        return f"read model {build.name} ({build.state} build {build.build})"
    return _KINDS.get(one.parent, "other")


def _sums(members: Sequence[Relation]) -> tuple[int, int, int, int]:
    return (
        sum(one.rows for one in members),
        sum(one.bytes for one in members),
        sum(one.index_bytes for one in members),
        sum(one.dead for one in members),
    )


def deduplication(stats: StoreStats) -> float | None:
    """How many bytes of request bodies came for each that is kept; None: none came."""
    return _ratio(stats.sent.raw, sum(one.raw for one in stats.scopes.values()))


def compression(amounts: Iterable[Amount]) -> float | None:
    """How many bytes lie in one on the disk."""
    listed = list(amounts)
    return _ratio(sum(one.raw for one in listed), sum(one.bytes for one in listed))


def _ratio(over: int, under: int) -> float | None:
    return over / under if under else None


def as_json(stats: StoreStats, disks: Disks) -> dict[str, Any]:
    """For a script."""
    ahead = forecast(stats, disks.free_bytes)
    return {
        "at": stats.at.isoformat(),
        "sampled": stats.sampled,
        "database_bytes": stats.database_bytes,
        "newest_position": stats.newest_position,
        "exchanges": stats.sent.rows,
        "kinds": [asdict(kind) for kind in kinds(stats)],
        "topics": {topic: {"rows": one.rows, "bytes": one.bytes} for topic, one in stats.topics.items()},
        "request_bodies": {
            "sent_bytes": stats.sent.raw,
            "deduplication": deduplication(stats),
            "compression": compression(stats.scopes.values()),
        },
        "answers": {**asdict(stats.answers), "compression": compression([stats.answers])},
        "scopes": {scope: asdict(one) for scope, one in stats.scopes.items()},
        "months": [asdict(one) for one in _months(stats)],
        "days": [{**asdict(day), "day": day.day.isoformat()} for day in stats.days],
        "disks": asdict(disks),
        "forecast": {**asdict(ahead), "bytes_per_day": ahead.bytes_per_day},
    }


def _months(stats: StoreStats) -> list[Relation]:
    return [one for one in stats.relations if one.parent in _MONTHLY and one.name != one.parent and one.bytes]


def as_text(stats: StoreStats, disks: Disks) -> str:
    """For a person."""
    head = (
        f"{size(stats.database_bytes)} in the database, {stats.sent.rows:,} exchanges, newest position "
        f"{stats.newest_position:,}"
    )
    note = ["Sums are scaled from a sample; rows of tables are PostgreSQL's estimates."] if stats.sampled else []
    return "\n".join([head, *note, *_tables(stats), "", *_sentences(stats, disks)])


def _tables(stats: StoreStats) -> Iterator[str]:
    rows = [
        (kind.name, f"{kind.rows:,}", size(kind.bytes), size(kind.index_bytes), f"{kind.dead:,}")
        for kind in kinds(stats)
    ]
    yield from _table(("kind", "rows", "data", "indexes", "dead rows"), rows)
    yield from _table(
        ("events by topic", "rows", "data"),
        [(topic, f"{one.rows:,}", size(one.bytes)) for topic, one in stats.topics.items()],
    )
    yield from _table(
        ("partition", "rows", "data", "indexes"),
        [(one.name, f"{one.rows:,}", size(one.bytes), size(one.index_bytes)) for one in _months(stats)],
    )
    yield from _table(
        ("scope", "parts", "before compression", "on the disk"),
        [(scope or "?", f"{one.rows:,}", size(one.raw), size(one.bytes)) for scope, one in stats.scopes.items()],
    )
    yield from _table(
        ("day (UTC)", "exchanges", "events"),
        [(day.day.isoformat(), f"{day.exchanges:,}", f"{day.events:,}") for day in stats.days],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield ""
        yield text_table(head, rows)


def _sentences(stats: StoreStats, disks: Disks) -> Iterator[str]:
    bodies = list(stats.scopes.values())
    yield (
        f"Request bodies: {size(stats.sent.raw)} sent, {size(sum(one.raw for one in bodies))} of it different "
        f"({_times(deduplication(stats))}), {size(sum(one.bytes for one in bodies))} stored "
        f"({_times(compression(bodies))})."
    )
    yield (
        f"Answers: {size(stats.answers.raw)}, {size(stats.answers.bytes)} stored "
        f"({_times(compression([stats.answers]))})."
    )
    yield f"Journals on this disk: {size(disks.journal_bytes)}; kept for restores: {size(disks.kept_bytes)}."
    yield _outlook(forecast(stats, disks.free_bytes), disks.free_bytes)


def _outlook(ahead: Forecast, free_bytes: int | None) -> str:
    if not ahead.bytes_per_day:
        return "Growth: none seen yet."
    basis = f"the mean of {ahead.days} whole days" if ahead.days else "today alone"
    pace = (
        f"Growth: {size(round(ahead.bytes_per_day))} a day ({ahead.exchanges_per_day:,.0f} exchanges of "
        f"{size(round(ahead.bytes_per_exchange))}; {basis})."
    )
    if free_bytes is None:
        return f"{pace} The server's disk is not seen from here."
    full = ahead.full_in_days or 0.0
    when = f"in {full:,.0f} days" if full < _MANY_DAYS else "in more than ten years"
    return f"{pace} The disk has {size(free_bytes)} left: full {when} at this pace."


def _times(ratio: float | None) -> str:
    return "nothing yet" if ratio is None else f"{ratio:,.1f} to 1"
