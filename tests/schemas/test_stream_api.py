"""The shapes of what is said of streams have the names that are documented."""

from typing import get_args

from domain.stream_forensics import Ending
from schemas.stream_api import StreamFinding, StreamGroup, StreamItem


def test_every_finding_is_counted_in_a_group() -> None:
    assert set(get_args(StreamFinding)) <= set(StreamGroup.model_fields)


def test_endings_are_those_of_the_domain() -> None:
    text = "open, unanswered, refused, failed, abandoned, cut, complete, unknown"
    assert set(text.split(", ")) == set(get_args(Ending))
    assert "ending" in StreamItem.model_fields
