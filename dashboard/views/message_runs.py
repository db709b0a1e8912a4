"""Which messages of a request stand open? Runs of what was carried over are folded, what is new is shown, newest first.

A page holds so many messages, and not too much text; of each run the end is shown, and more of it when it is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dashboard.details import SentMessage
from dashboard.views.messages import ShownMessage, shown_messages, stretch, weight
from domain.whats_new import News, State

MESSAGES = 24
MESSAGES_CHARS = 400_000
_CARRIED = frozenset({"carried", "changed"})


@dataclass(frozen=True, slots=True)
class Run:
    """Messages that stand together and are all carried over, or all not."""

    start: int
    end: int
    carried: bool


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as a reader sees it."""

    start: int
    """Place of its first message, which names it."""
    carried: bool
    count: int
    hidden: int
    """Messages at its beginning that are not shown."""
    changed: int
    """Messages that were carried over with another tool result."""
    messages: tuple[ShownMessage, ...]
    """The others."""


Firsts = Mapping[int, int]
"""Of each run, by its start: the place of the first message that is shown."""


def runs_of(messages: Sequence[SentMessage], news: News | None) -> tuple[Run, ...]:
    """In order; without news there is one run, of which nothing is known."""
    if news is None:
        return (Run(0, len(messages), carried=False),) if messages else ()
    return tuple(_runs(news.states))


def folded(messages: Sequence[SentMessage], runs: Sequence[Run]) -> dict[int, int]:
    """As they are at first: nothing of what was carried over, and of the rest what fits, the newest."""
    firsts = {run.start: run.end for run in runs}
    room, chars = MESSAGES, MESSAGES_CHARS
    for run in reversed(runs):
        if run.carried or room <= 0 or chars <= 0:
            continue
        first = firsts[run.start] = run.start + stretch(messages[run.start : run.end], room, chars)
        room -= run.end - first
        chars -= sum(weight(message) for message in messages[first : run.end])
    return firsts


def with_more(messages: Sequence[SentMessage], firsts: Firsts, start: int) -> dict[int, int]:
    """With as many more of the run that begins there as fit on a page; nothing else, if there is no such run."""
    first = firsts.get(start, start)
    if first == start:
        return dict(firsts)
    return {**firsts, start: start + stretch(messages[start:first], MESSAGES, MESSAGES_CHARS)}


def with_message(runs: Sequence[Run], firsts: Firsts, place: int) -> dict[int, int]:
    """With this message, and all of its run behind it."""
    found = {run.start: min(firsts[run.start], place) for run in runs if run.start <= place < run.end}
    return {**firsts, **found}


def shown_runs(
    messages: Sequence[SentMessage], runs: Sequence[Run], firsts: Firsts, news: News | None
) -> tuple[ShownRun, ...]:
    places = [place for run in runs for place in range(firsts[run.start], run.end)]
    new = frozenset(place for run in runs if not run.carried for place in range(run.start, run.end))
    marked = news if news and any(run.carried for run in runs) else None
    shown = dict(zip(places, shown_messages(messages, places, new), strict=True))
    return tuple(
        ShownRun(
            start=run.start,
            carried=run.carried,
            count=run.end - run.start,
            hidden=firsts[run.start] - run.start,
            changed=sum(news.states[place] == "changed" for place in range(run.start, run.end)) if news else 0,
            messages=tuple(_marked(shown[place], place, marked) for place in range(firsts[run.start], run.end)),
        )
        for run in runs
    )


def _marked(message: ShownMessage, place: int, news: News | None) -> ShownMessage:
    """Where everything is new, or nothing is known, nothing is marked."""
    if news is None:
        return message
    return replace(message, state=news.states[place], new_blocks=news.new_blocks.get(place, frozenset()))


def _runs(states: Sequence[State]) -> Iterator[Run]:
    start = 0
    for carried, group in groupby(states, key=lambda state: state in _CARRIED):
        end = start + sum(1 for _ in group)
        yield Run(start, end, carried)
        start = end
