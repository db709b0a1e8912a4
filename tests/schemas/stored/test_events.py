"""The shapes of the six events: topics are fixed, instances frozen, strangers tolerated."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.stored.events import EXCHANGE_EVENTS, TERMINAL, BodyReference, RecordingGap, ResponseCompleted

PLACE = {"originator_id": UUID(int=7), "originator_version": 1, "timestamp": datetime(2026, 1, 1, tzinfo=UTC)}


def test_topics_never_change() -> None:
    assert [event.TOPIC for event in EXCHANGE_EVENTS] == [
        "request-received",
        "response-started",
        "chunk-streamed",
        "response-completed",
        "response-aborted",
        "recording-gap",
    ]
    assert {event.TOPIC for event in TERMINAL} == {"response-completed", "response-aborted"}


def test_an_event_is_frozen() -> None:
    event = RecordingGap(**PLACE, part="request", reason="disk full", offset=0, byte_count=1)
    with pytest.raises(ValidationError):
        setattr(event, "reason", "other")  # noqa: B010 - the type checker forbids it as well


def test_a_field_of_a_later_version_is_passed_over() -> None:
    event = RecordingGap.model_validate(
        {**PLACE, "part": "request", "reason": "r", "offset": 0, "byte_count": 1, "later": 1}
    )
    assert "later" not in event.model_dump()


def test_digests_and_keys_have_their_length() -> None:
    with pytest.raises(ValidationError):
        ResponseCompleted(**PLACE, byte_count=0, sha256="ab", elapsed_us=0)
    with pytest.raises(ValidationError):
        BodyReference(kind="part", key="00", digest="0" * 64)
    with pytest.raises(ValidationError):
        RecordingGap(**{**PLACE, "originator_version": 0}, part="request", reason="r", offset=0, byte_count=1)
