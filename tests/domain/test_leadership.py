"""Who leads, seen from every process and from the database at once: at most one writes in an epoch, and epochs grow."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.leadership import STANDBY, Leadership, LeaseTerms, Move
from tests.lease_model import Row

TERMS = LeaseTerms(lasts_s=3, ask_s=1, answer_s=1)


def test_a_lease_counts_from_the_question_not_from_the_answer() -> None:
    granted = STANDBY.answered(7, asked_at=100.0, terms=TERMS)
    assert granted == Leadership(7, 103.0)
    assert granted.leads(102.9)
    assert not granted.leads(103.0)


def test_a_refusal_ends_it_at_once() -> None:
    assert STANDBY.answered(7, 100.0, TERMS).answered(None, 100.5, TERMS) == STANDBY
    assert not STANDBY.leads(0.0)


@pytest.mark.parametrize(
    ("known", "move"), [(STANDBY, Move.TAKE), (Leadership(3, 10.0), Move.RENEW), (Leadership(3, 5.0), Move.TAKE)]
)
def test_what_has_run_out_is_taken_anew(known: Leadership, move: Move) -> None:
    assert known.move(5.0) is move


@dataclass
class Process:
    """A projector; its clock shows another time than the database's, and it may be stopped anywhere."""

    skew: float
    known: Leadership = STANDBY
    asked_at: float | None = None
    asked: Move | None = None
    answer: int | None = None
    is_answered: bool = False
    writes_as: int | None = None
    """The epoch that it looked up before it was stopped, and will write with."""


@dataclass
class World:
    now: float = 1000.0
    row: Row = field(default_factory=lambda: Row(TERMS.lasts_s))
    commits: list[tuple[int, int]] = field(default_factory=list)
    """(epoch, process)."""


WHO = st.integers(0, 1)
TIMES = st.sampled_from([0.0, 0.25, 1.0, 2.75, 3.0, 10.0])


class Leases(RuleBasedStateMachine):
    """Two processes; questions, answers, looks and writes in any order, with any time between them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.processes = [Process(skew) for skew in (-500.0, 1e6)]

    def clock(self, one: Process) -> float:
        return self.world.now + one.skew

    @rule(seconds=TIMES)
    def time_goes_by(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(who=WHO)
    def asks(self, who: int) -> None:
        one = self.processes[who]
        if one.asked_at is None:
            one.asked_at, one.is_answered = self.clock(one), False
            one.asked = one.known.move(one.asked_at)

    @rule(who=WHO)
    def the_database_answers(self, who: int) -> None:
        one, row = self.processes[who], self.world.row
        if one.asked_at is None or one.is_answered:
            return
        if one.asked is Move.RENEW and one.known.epoch is not None:
            one.answer = row.renew(who, one.known.epoch, self.world.now)
        else:
            one.answer = row.take(who, self.world.now)
        one.is_answered = True

    @rule(who=WHO, lost=st.booleans())
    def hears(self, who: int, lost: bool) -> None:
        """Or the answer is lost on its way."""
        one = self.processes[who]
        if one.asked_at is not None and one.is_answered:
            if not lost:
                one.known = one.known.answered(one.answer, one.asked_at, TERMS)
            one.asked_at = None

    @rule(who=WHO, there=TIMES, back=TIMES)
    def asks_and_hears(self, who: int, there: float, back: float) -> None:
        """All of it, with time on the way."""
        self.processes[who].asked_at = None  # whatever it asked before
        self.asks(who)
        self.world.now += there
        self.the_database_answers(who)
        self.world.now += back
        self.hears(who, lost=False)

    @rule(who=WHO)
    def looks(self, who: int) -> None:
        one = self.processes[who]
        one.writes_as = one.known.epoch if one.known.leads(self.clock(one)) else None

    @rule(who=WHO)
    def writes(self, who: int) -> None:
        """Perhaps long after it looked: the epoch is checked in the transaction."""
        one = self.processes[who]
        if one.writes_as is not None and one.writes_as == self.world.row.epoch:
            self.world.commits.append((one.writes_as, who))

    @rule(who=WHO, gap=TIMES)
    def takes_over_and_works(self, who: int, gap: float) -> None:
        """What happens most: others fall silent, one asks, hears, looks and writes."""
        self.world.now += gap
        self.asks_and_hears(who, 0.0, 0.25)
        self.looks(who)
        self.writes(who)

    @rule(who=WHO)
    def dies_and_comes_back(self, who: int) -> None:
        """As somebody else: holders are processes, not machines. Its lease stays until it runs out."""
        if self.world.row.holder == who:
            self.world.row.holder = -2
        self.processes[who] = Process(self.processes[who].skew)

    @invariant()
    def at_most_one_writes_in_an_epoch_and_epochs_grow(self) -> None:
        epochs = [epoch for epoch, _ in self.world.commits]
        assert epochs == sorted(epochs)
        assert len(set(self.world.commits)) == len(set(epochs))

    @invariant()
    def at_most_one_believes_that_it_leads(self) -> None:
        """Where clocks run equally fast; if they do not, the check in the transaction is still there."""
        believers = [one for one in self.processes if one.known.leads(self.clock(one))]
        assert len(believers) <= 1
        assert all(one.known.epoch == self.world.row.epoch for one in believers)


def every_move(case: Any) -> Any:
    case.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
    return case


TestLeases = every_move(Leases.TestCase)
