"""A projection is a value: name, version, tables, and how its projector is made."""

from dataclasses import FrozenInstanceError

import pytest

from projections.registry import PROJECTIONS


def test_a_projection_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PROJECTIONS[0].version = 7  # type: ignore[misc]  # that is the point
