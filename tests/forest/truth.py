"""What is the truth about each exchange, by the words of DESIGN §7?

The player says what it did (``Link``); only what depends on the order of siblings is settled at the end: of the
continuations of one exchange the first goes on, every later one branches off.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.captures import Captured, Expected
from tests.forest.answers import Outcome

GOES_ON = "goes on"
"""Becomes ``continues`` or ``branches``."""
_CONTINUATIONS = {GOES_ON, "interrupted"}
BEGIN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Link:
    """What the player did: one edge, and what DESIGN allows to be said instead."""

    edge: str
    parent: "Exchange | None" = None
    instead: tuple[tuple[str, "Exchange | None"], ...] = ()


ROOT = Link("root")
NONE = Link("none")


@dataclass(eq=False)
class Exchange:
    """One request that was sent, with what came back."""

    move: str
    started: float
    """Seconds since the forest began."""
    ended: float
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    outcome: Outcome
    request_class: str
    link: Link
    n: int = field(default=0)


@dataclass(frozen=True)
class Truth:
    """What is right for one exchange."""

    n: int
    move: str
    """Which move made it: a failure names the scenario."""
    request_class: str
    answers: tuple[tuple[str, int | None], ...]
    """Edge and parent; any of these pairs is right."""
    conversation: int | None

    @property
    def expected(self) -> Expected:
        edges, parents = zip(*self.answers, strict=True)
        return Expected(self.n, (self.request_class,), edges, parents, (self.conversation,))


@dataclass(frozen=True)
class Forest:
    """What went over the wire, and the truth about it; both in the order of reception."""

    name: str
    captured: tuple[Captured, ...]
    truths: tuple[Truth, ...]


def grown(name: str, exchanges: Sequence[Exchange], begin: datetime = BEGIN) -> Forest:
    ordered = sorted(exchanges, key=lambda one: one.started)
    for number, exchange in enumerate(ordered, start=1):
        exchange.n = number
    truths = _truths(ordered)
    return Forest(name, tuple(_captured(one, begin) for one in ordered), truths)


def _truths(ordered: Sequence[Exchange]) -> tuple[Truth, ...]:
    later = _later_siblings(ordered)
    conversations: dict[int, int | None] = {}
    found = list[Truth]()
    for exchange in ordered:
        answers = _answers(exchange, branch=exchange.n in later)
        conversations[exchange.n] = _conversation(exchange, conversations)
        found.append(Truth(exchange.n, exchange.move, exchange.request_class, answers, conversations[exchange.n]))
    return tuple(found)


def _later_siblings(ordered: Sequence[Exchange]) -> set[int]:
    """Continuations whose parent has an earlier one."""
    families = defaultdict[int, list[int]](list)
    for exchange in ordered:
        if exchange.link.edge in _CONTINUATIONS and exchange.link.parent is not None:
            families[exchange.link.parent.n].append(exchange.n)
    return {n for family in families.values() for n in family[1:]}


def _answers(exchange: Exchange, *, branch: bool) -> tuple[tuple[str, int | None], ...]:
    said = [(exchange.link.edge, exchange.link.parent), *exchange.link.instead]
    pairs = [(_edge(edge, branch=branch), parent.n if parent else None) for edge, parent in said]
    return tuple(dict.fromkeys(pairs))


def _edge(edge: str, *, branch: bool) -> str:
    if edge == GOES_ON:
        return "branches" if branch else "continues"
    return "branches" if edge == "interrupted" and branch else edge


def _conversation(exchange: Exchange, known: dict[int, int | None]) -> int | None:
    if exchange.link.edge == "none":
        return None
    return exchange.n if exchange.link.parent is None else known[exchange.link.parent.n]


def _captured(exchange: Exchange, begin: datetime) -> Captured:
    return Captured(
        n=exchange.n,
        at=begin + timedelta(seconds=exchange.started),
        path=exchange.path,
        headers=exchange.headers,
        body=exchange.body,
        status=exchange.outcome.status,
        content_type=exchange.outcome.content_type,
        answer=exchange.outcome.body,
        fault=exchange.outcome.fault,
        ended=begin + timedelta(seconds=exchange.ended),
    )
