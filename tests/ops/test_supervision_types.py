"""The words of supervision: frozen, and ordered where order means something."""

import dataclasses
from dataclasses import replace

import pytest

from ops.supervision_types import Part, PartState, Phase, Start, Supervision, Urgency


def test_urgency_grows() -> None:
    assert Urgency.NONE < Urgency.RETIRE < Urgency.DRAIN < Urgency.ABORT < Urgency.KILL < Urgency.LEAVE
    assert not Urgency.NONE


@pytest.mark.parametrize("phase", Phase)
def test_there_is_a_process_only_while_starting_and_ready(phase: Phase) -> None:
    assert PartState(phase).runs == (phase in {Phase.STARTING, Phase.READY})


def test_what_was_said_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Start("gateway").part = "shipper"  # type: ignore[misc]  # the very thing that must not work


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("told", Urgency)
def test_only_who_served_can_leave(phase: Phase, told: Urgency) -> None:
    assert PartState(phase, told=told).is_leaving == (phase is Phase.READY and told > Urgency.NONE)


def test_a_part_may_have_a_second_process() -> None:
    ready = PartState(Phase.READY)
    state = Supervision((Part("gateway"),), {"gateway": PartState(Phase.ENDED)})
    assert not state.runs("gateway")
    assert not state.runs("nobody")
    beside = state.with_beside("gateway", replace(ready, generation=2))
    assert beside.runs("gateway")
    assert (beside.is_beside("gateway", 2), beside.is_beside("gateway", 1), beside.is_beside("nobody", 1)) == (
        True,
        False,
        False,
    )
    assert beside.with_beside("gateway", PartState(Phase.ENDED)) == beside.without_beside("gateway") == state
    assert state.with_part("gateway", ready).runs("gateway")
    assert state.part("gateway") == Part("gateway")
