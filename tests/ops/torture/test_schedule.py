"""The schedule: the same for the same seed, one fault at a time, no part killed too often."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from ops.supervision import LOOP_DEATHS, LOOP_WINDOW_S
from ops.torture.command import ALL
from ops.torture.schedule import KILLS_A_MINUTE, KINDS, PARTS, Fault, Plant, chosen, schedule

SEEDS = st.integers(0, 2**64)
CHOICES = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, unique=True)
LENGTHS = st.floats(1, 600)


@given(SEEDS, CHOICES, LENGTHS)
def test_the_same_seed_gives_the_same_schedule(seed: int, faults: list[str], lasts_s: float) -> None:
    assert schedule(seed, faults, lasts_s) == schedule(seed, faults, lasts_s)


@given(SEEDS, SEEDS)
def test_another_seed_gives_another_one(one: int, other: int) -> None:
    if one != other:
        assert schedule(one, list(KINDS), 120) != schedule(other, list(KINDS), 120)


@given(SEEDS, CHOICES, LENGTHS)
def test_each_is_healed_before_the_next_and_before_the_end(seed: int, faults: list[str], lasts_s: float) -> None:
    end = 0.0
    for plant in schedule(seed, faults, lasts_s):
        assert plant.at_s > end
        assert plant.lasts_s >= 0
        end = plant.at_s + plant.lasts_s
    assert end <= lasts_s + 0.1


@given(SEEDS, CHOICES, LENGTHS)
def test_only_what_was_chosen_is_planted(seed: int, faults: list[str], lasts_s: float) -> None:
    allowed = {kind.fault: kind.targets for fault in faults for kind in KINDS[fault]}
    assert all(plant.target in allowed[plant.fault] for plant in schedule(seed, faults, lasts_s))


@given(SEEDS, CHOICES, st.sets(st.sampled_from(list(Fault))))
def test_what_the_machine_cannot_do_is_left_out(seed: int, faults: list[str], without: set[Fault]) -> None:
    planted = {plant.fault for plant in schedule(seed, faults, 120, tuple(without))}
    assert not planted & without


@given(SEEDS)
def test_no_part_is_killed_so_often_that_it_is_rested(seed: int) -> None:
    deaths = defaultdict[str, list[float]](list)
    for plant in schedule(seed, ["kill"], 600):
        deaths[plant.target].append(plant.at_s)
    for times in deaths.values():
        for at in times:
            assert sum(at - LOOP_WINDOW_S < other <= at for other in times) <= KILLS_A_MINUTE < LOOP_DEATHS


def test_in_time_everything_is_planted() -> None:
    planted = {(plant.fault, plant.target) for plant in schedule(1, list(KINDS), 7200)}
    assert planted == {(kind.fault, target) for kinds in KINDS.values() for kind in kinds for target in kind.targets}
    assert {fault for fault, _ in planted} == set(Fault)
    assert {target for fault, target in planted if fault is Fault.STOP} == set(PARTS)


def test_a_run_without_room_has_no_faults() -> None:
    assert schedule(1, list(KINDS), 3.0) == ()
    assert schedule(1, ["client"], 120, [Fault.CLIENT]) == ()


def test_the_words_of_the_command() -> None:
    assert chosen(ALL) == tuple(KINDS)
    assert chosen(" kill, disk kill ") == ("kill", "disk")


@pytest.mark.parametrize(("words", "said"), [("kil", "no fault kil"), ("", "at least one"), (",", "at least one")])
def test_wrong_words_are_refused(words: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        chosen(words)


def test_a_plant_says_what_it_is() -> None:
    assert str(Plant(2.0, Fault.KILL, "gateway", 0.0)) == "    2.0 s  kill gateway"
    assert str(Plant(12.5, Fault.PROXY, "delay", 1.5)) == "   12.5 s  proxy delay for 1.5 s"
