"""The supervision core against simulated processes: its promises hold whatever parts do and whenever signals come."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ops.supervision import ABORT_S, LOOP_DEATHS, LOOP_PAUSE_S, LOOP_WINDOW_S, advance, begin, next_due
from ops.supervision_types import (
    SETUP_EXIT,
    BecameReady,
    Began,
    Command,
    Ended,
    Finish,
    Input,
    Part,
    Phase,
    RollAsked,
    Start,
    StopAsked,
    Tell,
    TellDeath,
    TellHopeless,
    TellReady,
    TimePassed,
    Urgency,
)

PLAN = (
    Part("gateway", drain_s=20.0, rolls=True),
    Part("postgres", outlives=frozenset({"gateway", "migrate", "shipper"}), drain_s=30.0),
    Part("migrate", after=frozenset({"postgres"}), runs_once=True),
    Part("shipper", after=frozenset({"migrate"}), outlives=frozenset({"gateway"}), drain_s=10.0),
)
NAMES = [*(part.name for part in PLAN), "gateway:newest"]
"""Whom things befall: the oldest process of a part, or the newest."""
Process = tuple[str, int]


@dataclass
class World:
    """Processes that obey or not, a clock, and the record of everything that was said and done."""

    plan: Sequence[Part] = PLAN
    now: float = 0.0
    processes: set[Process] = field(default_factory=set)
    ready: set[Process] = field(default_factory=set)
    told: set[Process] = field(default_factory=set)
    """Those that were told to stop."""
    killed: set[Process] = field(default_factory=set)
    ever_ready: set[str] = field(default_factory=set)
    log: list[tuple[float, Command]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = begin(self.plan)

    @property
    def running(self) -> set[str]:
        return {name for name, _ in self.processes}

    @property
    def serving(self) -> set[str]:
        return {name for name, _ in self.ready - self.told}

    def tell(self, happened: Input) -> list[Command]:
        match happened:
            case BecameReady(part, generation):
                self.ever_ready.add(part)
                self.ready.add((part, generation))
            case Ended(part, code, generation):
                for processes in (self.processes, self.ready, self.told, self.killed):
                    processes.discard((part, generation))
                if code == 0 and self.part(part).runs_once:
                    self.ever_ready.add(part)
        served = self.serving
        self.state, commands = advance(self.state, happened, self.now)
        self.leave_behind()
        for command in commands:
            self.log.append((self.now, command))
            self.obey(command)
        if not self.state.asked:
            assert served <= self.serving, "who served was stopped, and nobody serves instead"
        due = next_due(self.state)
        assert due is None or due > self.now, "something is due now and was not done"
        return commands

    def obey(self, command: Command) -> None:
        match command:
            case Start(part, generation):
                others = self.of(part)
                assert len(others) < (2 if self.part(part).rolls else 1), "too many processes of one part"
                assert set(others) <= self.ready, "started beside one that neither serves nor did and drains"
                assert self.part(part).after <= self.ever_ready, "started before what it needs"
                assert generation not in {number for _, number in others}, "two processes of one name"
                self.processes.add((part, generation))
            case Tell(part, urgency, generation):
                self.told.add((part, generation))
                if urgency is Urgency.KILL:
                    self.killed.add((part, generation))

    def leave_behind(self) -> None:
        """Forget whom the supervisor forgot, who survived even being killed."""
        held = (*self.state.parts.items(), *self.state.beside.items())
        forgotten = self.processes - {(name, it.generation) for name, it in held if it.runs}
        assert forgotten <= self.killed, "forgotten, and never killed"
        self.processes -= forgotten

    def of(self, part: str) -> list[Process]:
        """Its processes, the oldest first."""
        return sorted(one for one in self.processes if one[0] == part)

    def wait(self) -> list[Command]:
        """Let time pass until something is due."""
        due = next_due(self.state)
        assert due is not None
        self.now = due
        return self.tell(TimePassed())

    def part(self, name: str) -> Part:
        return next(part for part in self.plan if part.name == name)

    def all_up(self) -> None:
        self.tell(Began())
        for name in ("gateway", "postgres"):
            self.tell(BecameReady(name))
        self.tell(Ended("migrate", 0))
        self.tell(BecameReady("shipper"))

    def said(self, kind: type[Command]) -> list[Command]:
        return [command for _, command in self.log if isinstance(command, kind)]


def up() -> World:
    world = World()
    world.all_up()
    return world


def happenings() -> st.SearchStrategy[list[tuple[str, str, float]]]:
    """What befalls whom, and how much time passes before."""
    kinds = st.sampled_from(["ready", "die", "crash", "refuse", "nothing", "roll", "stop"])
    pauses = st.sampled_from([0.0, 0.01, 0.7, 3.0, 11.0, 61.0])
    return st.lists(st.tuples(kinds, st.sampled_from(NAMES), pauses), max_size=40)


def apply(world: World, kind: str, name: str, pause: float) -> None:
    target = world.now + pause
    while not world.said(Finish) and (due := next_due(world.state)) is not None and due <= target:
        world.now = due
        world.tell(TimePassed())
    if world.said(Finish):
        return
    world.now = target
    part, _, newest = name.partition(":")
    found = world.of(part)
    match kind:
        case "stop":
            world.tell(StopAsked())
        case "nothing":
            world.tell(TimePassed())
        case "roll":
            world.tell(RollAsked())
        case "ready" if found:
            world.tell(BecameReady(*found[-1 if newest else 0]))
        case "die" | "crash" | "refuse" if found:
            name, generation = found[-1 if newest else 0]
            world.tell(Ended(name, {"die": 0, "crash": -9, "refuse": SETUP_EXIT}[kind], generation))


@given(happenings())
def test_nobody_starts_twice_or_before_what_it_needs_and_nobody_who_serves_stops_without_a_successor(
    story: list[tuple[str, str, float]],
) -> None:
    world = World()
    world.tell(Began())
    for step in story:
        apply(world, *step)  # the world asserts


@given(happenings())
def test_it_always_ends_in_bounded_time_once_asked_and_starts_nothing_more(story: list[tuple[str, str, float]]) -> None:
    world = World()
    world.tell(Began())
    for step in story:
        apply(world, *step)
    asked_at, mark = world.now, len(world.log)
    if not world.said(Finish):
        world.tell(StopAsked())
    while not world.said(Finish):
        world.wait()  # nobody obeys, nobody dies: every process hangs
    assert not [command for _, command in world.log[mark:] if isinstance(command, Start)]
    worst = sum(part.drain_s + 2 * ABORT_S for part in world.plan)
    assert world.now - asked_at <= worst
    assert len(world.said(Finish)) == 1


@given(happenings())
def test_whoever_runs_is_told_only_after_all_it_outlives_have_ended(story: list[tuple[str, str, float]]) -> None:
    world = World()
    world.tell(Began())
    for kind, name, pause in story:
        before = set(world.running)
        mark = len(world.log)
        apply(world, kind, name, pause)
        if world.state.asked in {Urgency.NONE, Urgency.KILL}:
            continue
        for _, command in world.log[mark:]:
            if isinstance(command, Tell) and command.urgency is Urgency.DRAIN:
                still = {other for other in before if world.state.runs(other)}
                assert not world.part(command.part).outlives & still & world.running


@given(happenings())
def test_a_death_is_answered_by_a_start_within_the_pause_that_was_announced(
    story: list[tuple[str, str, float]],
) -> None:
    world = World()
    world.tell(Began())
    for kind, name, pause in story:
        mark = len(world.log)
        apply(world, kind, name, pause)
        deaths = [(at, it) for at, it in world.log[mark:] if isinstance(it, TellDeath)]
        if world.state.asked or not deaths:
            continue
        at, death = deaths[-1]
        if world.state.parts[death.part].phase is Phase.RESTING:
            assert world.state.parts[death.part].due == at + death.pause_s
        recent = [
            when
            for when, it in world.log
            if isinstance(it, TellDeath) and it.part == death.part and when > at - LOOP_WINDOW_S
        ]
        assert death.looping == (len(recent) >= LOOP_DEATHS)
        assert (death.pause_s == LOOP_PAUSE_S) if death.looping else (death.pause_s <= 2.0)


@given(happenings())
def test_ready_is_said_once_and_only_while_every_part_is_ready_or_done(story: list[tuple[str, str, float]]) -> None:
    world = World()
    world.tell(Began())
    for step in story:
        mark = len(world.log)
        apply(world, *step)
        if any(isinstance(command, TellReady) for _, command in world.log[mark:]):
            assert all(it.phase in {Phase.READY, Phase.DONE} for it in world.state.parts.values())
    assert len(world.said(TellReady)) <= 1


def test_parts_start_together_unless_one_needs_the_other() -> None:
    world = World()
    assert world.tell(Began()) == [Start("gateway"), Start("postgres")]
    assert world.tell(BecameReady("postgres")) == [Start("migrate")]
    assert world.tell(Ended("migrate", 0)) == [Start("shipper")]
    assert world.tell(BecameReady("gateway")) == []
    assert world.tell(BecameReady("shipper")) == [TellReady()]


def test_the_first_death_is_mended_at_once_and_nobody_else_notices() -> None:
    world = up()
    assert world.tell(Ended("postgres", -9)) == [TellDeath("postgres", -9, 0.0, looping=False), Start("postgres")]
    assert world.tell(BecameReady("postgres")) == []


def test_pauses_grow_and_the_fifth_death_in_a_minute_is_a_loop() -> None:
    world = up()
    pauses = []
    for _ in range(LOOP_DEATHS + 1):
        (death, *_) = world.tell(Ended("gateway", 1))
        assert isinstance(death, TellDeath)
        pauses.append((death.pause_s, death.looping))
        if not any(isinstance(it, Start) for it in world.log[-1]):
            assert world.wait() == [Start("gateway")]
    assert pauses == [
        (0.0, False),
        (0.5, False),
        (1.0, False),
        (2.0, False),
        (LOOP_PAUSE_S, True),
        (LOOP_PAUSE_S, True),
    ]


def test_deaths_of_more_than_a_minute_ago_are_forgotten() -> None:
    world = up()
    for _ in range(LOOP_DEATHS * 2):
        world.now += LOOP_WINDOW_S + 1
        assert world.tell(Ended("gateway", 1)) == [TellDeath("gateway", 1, 0.0, looping=False), Start("gateway")]
        world.tell(BecameReady("gateway"))


def test_a_part_that_cannot_work_as_things_are_set_stops_everything() -> None:
    world = World()
    world.tell(Began())
    assert world.tell(Ended("postgres", SETUP_EXIT)) == [TellHopeless("postgres"), Tell("gateway", Urgency.DRAIN)]
    assert world.tell(Ended("gateway", 0)) == [Finish(SETUP_EXIT)]


def test_a_part_that_worked_once_is_not_hopeless_with_the_same_exit_code() -> None:
    world = up()
    assert world.tell(Ended("gateway", SETUP_EXIT))[0] == TellDeath("gateway", SETUP_EXIT, 0.0, looping=False)
    assert world.tell(Ended("gateway", SETUP_EXIT))[0] == TellDeath("gateway", SETUP_EXIT, 0.5, looping=False)


def test_a_task_that_fails_is_tried_again_and_one_that_is_done_is_not() -> None:
    world = World()
    world.tell(Began())
    world.tell(BecameReady("postgres"))
    assert world.tell(Ended("migrate", 1)) == [TellDeath("migrate", 1, 0.0, looping=False), Start("migrate")]
    assert world.tell(Ended("migrate", 0)) == [Start("shipper")]


def test_a_part_that_is_no_task_has_died_when_it_ends_with_exit_code_0() -> None:
    world = up()
    assert world.tell(Ended("shipper", 0))[0] == TellDeath("shipper", 0, 0.0, looping=False)


def test_a_part_that_does_not_get_ready_in_time_is_killed_and_started_again() -> None:
    world = World(plan=(Part("gateway", ready_s=7.0),))
    world.tell(Began())
    assert world.wait() == [Tell("gateway", Urgency.KILL)]
    assert world.now == 7.0
    assert world.tell(BecameReady("gateway")) == []
    assert world.tell(Ended("gateway", -9)) == [TellDeath("gateway", -9, 0.0, looping=False), Start("gateway")]
    assert world.tell(BecameReady("gateway")) == [TellReady()]


def test_stopping_goes_in_order_and_ends_well() -> None:
    world = up()
    assert world.tell(StopAsked()) == [Tell("gateway", Urgency.DRAIN)]
    assert world.tell(Ended("gateway", 0)) == [Tell("shipper", Urgency.DRAIN)]
    assert world.tell(Ended("shipper", 0)) == [Tell("postgres", Urgency.DRAIN)]
    assert world.tell(Ended("postgres", 0)) == [Finish(0)]


def test_what_has_not_started_never_does_once_a_stop_is_asked() -> None:
    world = World()
    world.tell(Began())
    world.tell(StopAsked())
    assert world.tell(BecameReady("postgres")) == []
    assert world.tell(Ended("gateway", 0)) == [Tell("postgres", Urgency.DRAIN)]
    assert world.tell(Ended("postgres", 0)) == [Finish(0)]


def test_a_part_that_dies_while_stopping_is_not_mended() -> None:
    world = up()
    world.tell(StopAsked())
    assert world.tell(Ended("shipper", -9)) == []
    assert world.tell(Ended("gateway", 0)) == [Tell("postgres", Urgency.DRAIN)]


def test_who_does_not_stop_in_time_is_told_harder_and_left_behind_at_last() -> None:
    world = World(plan=(Part("gateway", drain_s=20.0),))
    world.tell(Began())
    world.tell(BecameReady("gateway"))
    world.tell(StopAsked())
    assert world.wait() == [Tell("gateway", Urgency.ABORT)]
    assert world.now == 20.0
    assert world.wait() == [Tell("gateway", Urgency.KILL)]
    assert world.wait() == [Finish(1)]
    assert world.now == 20.0 + 2 * ABORT_S


def test_a_stop_that_needed_force_is_no_clean_one() -> None:
    world = World(plan=(Part("gateway", drain_s=20.0),))
    world.tell(Began())
    world.tell(StopAsked())
    world.wait()
    assert world.tell(Ended("gateway", -2)) == [Finish(1)]


def test_the_second_request_aborts_in_order() -> None:
    world = up()
    world.tell(StopAsked())
    assert world.tell(StopAsked()) == [Tell("gateway", Urgency.ABORT)]
    assert world.tell(Ended("gateway", 1)) == [Tell("shipper", Urgency.ABORT)]
    assert world.tell(Ended("shipper", 0)) == [Tell("postgres", Urgency.ABORT)]
    assert world.tell(Ended("postgres", 0)) == [Finish(1)]


def test_the_third_request_kills_all_at_once() -> None:
    world = up()
    world.tell(StopAsked())
    world.tell(StopAsked())
    assert world.tell(StopAsked()) == [Tell(name, Urgency.KILL) for name in ("gateway", "postgres", "shipper")]
    assert world.tell(StopAsked()) == []
    for name in ("gateway", "postgres"):
        assert world.tell(Ended(name, -9)) == []
    assert world.tell(Ended("shipper", -9)) == [Finish(1)]


def test_a_part_left_behind_lets_the_next_one_stop() -> None:
    world = up()
    commands = world.tell(StopAsked())
    while world.state.parts["gateway"].phase is not Phase.ENDED:
        commands = world.wait()
    assert commands == [Tell("shipper", Urgency.DRAIN)]


def test_a_part_left_behind_lets_one_stop_that_stands_before_it_in_the_plan() -> None:
    world = up()
    world.tell(StopAsked())
    commands = world.tell(Ended("gateway", 0))
    while world.state.parts["shipper"].phase is not Phase.ENDED:
        commands = world.wait()
    assert commands == [Tell("postgres", Urgency.DRAIN)]


def test_a_part_that_was_still_starting_is_in_no_hurry_until_it_is_told_to_stop() -> None:
    parts = (Part("gateway", drain_s=20.0), Part("shipper", outlives=frozenset({"gateway"}), ready_s=3.0))
    world = World(plan=parts)
    world.tell(Began())
    world.tell(StopAsked())
    world.now = 10.0
    assert world.tell(TimePassed()) == []
    assert world.tell(Ended("gateway", 0)) == [Tell("shipper", Urgency.DRAIN)]


def test_ready_is_not_said_while_stopping() -> None:
    world = World(plan=(Part("gateway"), Part("shipper", outlives=frozenset({"gateway"}))))
    world.tell(Began())
    world.tell(BecameReady("gateway"))
    world.tell(StopAsked())
    assert world.tell(BecameReady("shipper")) == []
    assert world.state.parts["shipper"].phase is Phase.READY


def test_with_nothing_running_a_stop_is_immediate() -> None:
    world = World(plan=(Part("gateway"),))
    world.tell(Began())
    world.tell(Ended("gateway", 1))
    world.tell(Ended("gateway", 1))
    assert world.state.parts["gateway"].phase is Phase.RESTING
    assert world.tell(StopAsked()) == [Finish(0)]


def test_with_storage_off_a_plan_of_one_part_is_ready_by_itself() -> None:
    world = World(plan=(Part("gateway"),))
    world.tell(Began())
    assert world.tell(BecameReady("gateway")) == [TellReady()]
