"""The words of supervision: frozen, and ordered where order means something."""

import dataclasses

import pytest

from ops.supervision_types import PartState, Phase, Start, Urgency


def test_urgency_grows() -> None:
    assert Urgency.NONE < Urgency.DRAIN < Urgency.ABORT < Urgency.KILL < Urgency.LEAVE
    assert not Urgency.NONE


@pytest.mark.parametrize("phase", Phase)
def test_there_is_a_process_only_while_starting_and_ready(phase: Phase) -> None:
    assert PartState(phase).runs == (phase in {Phase.STARTING, Phase.READY})


def test_what_was_said_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Start("gateway").part = "shipper"  # type: ignore[misc]  # the very thing that must not work
