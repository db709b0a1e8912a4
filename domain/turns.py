"""Which attempts at the same messages are one turn? A retry follows an attempt that had failed by then.

Attempts are taken in order. Each goes to the turn whose newest attempt has failed, was cut or refused, and was over
when this one came; otherwise it begins a turn of its own. So two sub-agents that were given the same prompt stay two
turns, and only the one that failed is retried.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from domain.answer_facts import AnswerState
from domain.exchange_facts import Moment
from domain.linking_facts import Earlier

RETRIED: frozenset[AnswerState] = frozenset({"failed", "cut", "refused"})
_GRACE = timedelta(milliseconds=250)
"""A client that hangs up and asks again may be heard again before its hanging up is."""


@dataclass(slots=True)
class _Turn:
    first: Earlier
    newest: Earlier


def retried(subject: Moment, attempts: Iterable[Earlier]) -> tuple[Earlier, Earlier] | None:
    """The first and the newest attempt of the turn that the subject tries again; None: it begins a turn."""
    turns: list[_Turn] = []
    for attempt in sorted(attempts, key=lambda one: one.moment):
        turn = _open_turn(turns, attempt.moment)
        if turn is None:
            turns.append(_Turn(attempt, attempt))
        else:
            turn.newest = attempt
    found = _open_turn(turns, subject)
    return (found.first, found.newest) if found else None


def _open_turn(turns: Iterable[_Turn], moment: Moment) -> _Turn | None:
    waiting = [turn for turn in turns if turn.newest.state in RETRIED and _was_over(turn.newest, moment)]
    return max(waiting, key=lambda turn: turn.newest.moment, default=None)


def _was_over(attempt: Earlier, moment: Moment) -> bool:
    return attempt.ended_at is None or attempt.ended_at <= moment.received_at + _GRACE
