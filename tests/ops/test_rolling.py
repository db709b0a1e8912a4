"""A roll against simulated processes: who was ready serves until another one does, and it always comes to its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.supervision import ABORT_S, LOOP_DEATHS, LOOP_PAUSE_S
from ops.supervision_types import (
    SETUP_EXIT,
    BecameReady,
    Began,
    Ended,
    Finish,
    Part,
    Phase,
    RollAsked,
    Start,
    StopAsked,
    Tell,
    TellDeath,
    TellReady,
    TellRolled,
    TellRollFailed,
    TimePassed,
    Urgency,
)
from tests.ops.test_supervision import NAMES, World, apply, happenings

ONE, TWO = "gateway", "gateway-2"
PLAN = (
    Part(ONE, ready_s=7.0, drain_s=20.0, rolls=True),
    Part(TWO, ready_s=7.0, drain_s=20.0, rolls=True),
    Part("shipper", outlives=frozenset({ONE, TWO})),
)


def up(*parts: Part) -> World:
    world = World(plan=parts or PLAN)
    world.tell(Began())
    for part in world.plan:
        world.tell(BecameReady(part.name))
    assert world.said(TellReady)
    return world


def alone() -> World:
    """One worker."""
    return up(PLAN[0])


def test_workers_are_replaced_one_after_the_other_and_each_serves_until_the_next_one_does() -> None:
    world = up()
    assert world.tell(RollAsked()) == [Start(ONE, 2)]
    assert world.tell(BecameReady(ONE, 2)) == [Tell(ONE, Urgency.RETIRE, 1), Start(TWO, 2)]
    assert world.tell(Ended(ONE, 0, 1)) == []
    assert world.tell(BecameReady(TWO, 2)) == [Tell(TWO, Urgency.RETIRE, 1)]
    assert world.state.rolled == 1
    assert world.tell(Ended(TWO, 0, 1)) == [TellRolled()]
    assert (world.state.rolled, world.state.roll, world.state.beside) == (2, None, {})
    assert world.tell(Ended(ONE, -9, 2)) == [TellDeath(ONE, -9, 0.0, looping=False, generation=2), Start(ONE, 2)]


def test_the_next_one_does_not_wait_for_the_streams_of_the_one_before() -> None:
    world = up()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    assert world.tell(BecameReady(TWO, 2)) == [Tell(TWO, Urgency.RETIRE, 1)]
    assert world.tell(Ended(TWO, 0, 1)) == []
    assert world.tell(Ended(ONE, 0, 1)) == [TellRolled()]


def test_with_nothing_that_rolls_it_is_over_at_once() -> None:
    assert up(Part("shipper")).tell(RollAsked()) == [TellRolled()]


@pytest.mark.parametrize("code", [1, -9, 0, SETUP_EXIT])
def test_a_new_one_that_ends_before_it_serves_ends_the_roll_and_all_others_serve_on(code: int) -> None:
    world = up()
    world.tell(RollAsked())
    assert world.tell(Ended(ONE, code, 2)) == [TellRollFailed(ONE, code, 2)]
    assert (world.state.rolled, world.state.roll) == (1, None)
    assert world.serving >= {ONE, TWO}
    assert world.tell(RollAsked()) == [Start(ONE, 3)]


def test_a_new_one_that_does_not_get_ready_in_time_is_killed() -> None:
    world = alone()
    world.tell(RollAsked())
    assert world.wait() == [Tell(ONE, Urgency.KILL, 2)]
    assert world.now == 7.0
    assert world.tell(BecameReady(ONE, 2)) == [], "too late"
    assert world.tell(Ended(ONE, -9, 2)) == [TellRollFailed(ONE, -9, 2)]
    assert world.serving == {ONE}


def test_an_old_one_that_dies_too_early_is_succeeded_by_the_new_one_that_starts_already() -> None:
    world = alone()
    world.tell(RollAsked())
    assert world.tell(Ended(ONE, -9, 1)) == [TellDeath(ONE, -9, 0.0, looping=False, generation=1)]
    assert world.state.parts[ONE].phase is Phase.STARTING
    assert world.tell(BecameReady(ONE, 2)) == [TellRolled()]


def test_if_both_die_the_roll_has_failed_and_the_part_is_started_again_as_ever() -> None:
    world = alone()
    world.tell(RollAsked())
    world.tell(Ended(ONE, -9, 1))
    assert world.tell(Ended(ONE, 1, 2)) == [
        TellDeath(ONE, 1, 0.5, looping=False, generation=2),
        TellRollFailed(ONE, 1, 2),
    ]
    assert world.wait() == [Start(ONE, 2)]


def test_a_new_one_that_dies_once_it_serves_is_started_again_beside_the_old_one_that_still_drains() -> None:
    """Nobody serves then, so nobody waits for the streams of the old one."""
    world = alone()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    died, started = world.tell(Ended(ONE, -9, 2))
    assert died == TellDeath(ONE, -9, 0.0, looping=False, generation=2)
    assert isinstance(started, Start)
    assert started.part == ONE


def test_whoever_rests_when_its_turn_comes_is_new_once_it_is_started_again() -> None:
    world = up()
    world.tell(Ended(ONE, 1))
    world.tell(Ended(ONE, 1))
    assert world.tell(RollAsked()) == []
    assert world.wait() == [Start(ONE, 2)]
    assert world.tell(BecameReady(ONE, 2)) == [Start(TWO, 2)]


def test_whoever_starts_when_its_turn_comes_is_replaced_once_it_serves() -> None:
    world = alone()
    world.tell(Ended(ONE, 1))
    assert world.tell(RollAsked()) == []
    assert world.tell(BecameReady(ONE)) == [Start(ONE, 2)]


def test_a_part_that_loops_when_its_turn_comes_ends_the_roll_with_its_next_death() -> None:
    world = alone()
    world.tell(Ended(ONE, 1))
    for _ in range(LOOP_DEATHS - 2):
        world.tell(Ended(ONE, 1))
        world.wait()
    assert world.tell(Ended(ONE, 1))[0] == TellDeath(ONE, 1, LOOP_PAUSE_S, looping=True)
    assert world.tell(RollAsked()) == []
    assert world.wait() == [Start(ONE, 2)]
    assert TellRollFailed(ONE, 1, 2) in world.tell(Ended(ONE, 1, 2))


def test_a_second_wish_during_a_roll_changes_nothing() -> None:
    world = alone()
    world.tell(RollAsked())
    assert world.tell(RollAsked()) == []
    world.tell(BecameReady(ONE, 2))
    assert world.tell(RollAsked()) == []
    assert world.tell(Ended(ONE, 0, 1)) == [TellRolled()]


def test_a_roll_behind_a_failed_one_waits_for_who_still_leaves() -> None:
    world = up()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    world.tell(Ended(TWO, 1, 2))
    assert world.tell(RollAsked()) == []
    assert world.tell(Ended(ONE, 0, 1)) == [Start(ONE, 3)]


def test_who_does_not_retire_in_time_is_told_harder_and_left_behind_at_last() -> None:
    world = alone()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    assert world.wait() == [Tell(ONE, Urgency.ABORT, 1)]
    assert world.now == 20.0
    assert world.wait() == [Tell(ONE, Urgency.KILL, 1)]
    assert world.wait() == [TellRolled()]
    assert world.now == 20.0 + 2 * ABORT_S
    assert world.tell(Ended(ONE, -9, 1)) == [], "at last"
    assert world.serving == {ONE}


def test_a_stop_tells_old_and_new_and_waits_for_both() -> None:
    world = up()
    world.tell(RollAsked())
    stop = [Tell(ONE, Urgency.DRAIN, 1), Tell(ONE, Urgency.DRAIN, 2), Tell(TWO, Urgency.DRAIN, 1)]
    assert world.tell(StopAsked()) == stop
    assert world.tell(BecameReady(ONE, 2)) == [], "it takes over no more"
    assert world.tell(RollAsked()) == []
    world.tell(Ended(ONE, 0, 1))
    assert world.tell(Ended(TWO, 0, 1)) == []
    assert world.tell(Ended(ONE, 0, 2)) == [Tell("shipper", Urgency.DRAIN)]
    assert world.tell(Ended("shipper", 0)) == [Finish(0)]


def test_a_new_one_that_is_ready_during_a_stop_is_in_no_more_hurry_than_others() -> None:
    world = up(Part("first"), Part(ONE, outlives=frozenset({"first"}), ready_s=7.0, rolls=True))
    world.tell(RollAsked())
    world.tell(StopAsked())
    assert world.tell(BecameReady(ONE, 2)) == []
    assert world.tell(Ended("first", 0)) == [Tell(ONE, Urgency.DRAIN, 1), Tell(ONE, Urgency.DRAIN, 2)]


def test_a_stop_hurries_who_retires() -> None:
    world = alone()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    world.now = 19.0
    assert world.tell(StopAsked()) == [Tell(ONE, Urgency.DRAIN, 2), Tell(ONE, Urgency.DRAIN, 1)]
    assert world.tell(Ended(ONE, 0, 2)) == []
    assert world.tell(Ended(ONE, 0, 1)) == [Finish(0)]


@pytest.mark.parametrize("ends", [True, False])
def test_a_stop_that_needed_force_on_a_predecessor_is_no_clean_one(ends: bool) -> None:
    world = alone()
    world.tell(RollAsked())
    world.tell(BecameReady(ONE, 2))
    world.tell(StopAsked())
    world.tell(Ended(ONE, 0, 2))
    world.wait()
    if ends:
        assert world.tell(Ended(ONE, -2, 1)) == [Finish(1)]
    else:
        world.wait()
        assert world.wait() == [Finish(1)]


@given(happenings())
def test_a_roll_comes_to_its_end_whatever_was_before(story: list[tuple[str, str, float]]) -> None:
    world = World()
    world.tell(Began())
    for step in story:
        apply(world, *step)
    if world.state.asked:
        return
    let_all_obey(world)
    world.tell(RollAsked())
    wanted = world.state.generation
    let_all_obey(world)
    assert (world.state.rolled, world.state.roll, world.state.beside) == (wanted, None, {})
    assert world.of("gateway") == [("gateway", wanted)]


def let_all_obey(world: World) -> None:
    """From now on whoever starts gets ready, and whoever was told to end ends, until nothing is left to do."""
    while True:
        told = sorted(world.told & world.processes)
        starting = sorted(world.processes - world.ready - world.told)
        if told:
            name, generation = told[0]
            world.tell(Ended(name, 0, generation))
        elif starting:
            name, generation = starting[0]
            once = world.part(name).runs_once
            world.tell(Ended(name, 0, generation) if once else BecameReady(name, generation))
        elif any(it.phase is Phase.RESTING for it in world.state.parts.values()):
            world.wait()
        else:
            return


@given(st.lists(st.tuples(st.sampled_from(["roll", "ready"]), st.sampled_from(NAMES), st.just(0.0)), max_size=60))
def test_where_nobody_dies_the_gateway_serves_from_its_first_ready_on(story: list[tuple[str, str, float]]) -> None:
    world = World()
    world.tell(Began())
    world.tell(BecameReady("gateway"))
    for step in story:
        apply(world, *step)
        world.tell(TimePassed())
        assert "gateway" in world.serving
        assert len(world.of("gateway")) <= 2
