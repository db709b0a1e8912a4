"""What is stored of an exchange, against the obvious reading of its events."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.db.tails import tail_of
from schemas.stored.events import ExchangeEvent, RecordingGap, ResponseAborted, ResponseStarted
from tests.shipping import AT, completed, received, streamed
from tests.strategies import exchange_events

ID = UUID(int=1)


def gap(version: int, part: str, offset: int, byte_count: int) -> RecordingGap:
    return RecordingGap.model_validate(
        {
            "originator_id": ID,
            "originator_version": version,
            "timestamp": AT,
            "part": part,
            "reason": "disk full",
            "offset": offset,
            "byte_count": byte_count,
        }
    )


@given(st.lists(exchange_events(), min_size=1, max_size=8), st.binary(max_size=9))
def test_a_tail_sums_up_its_stream(stream: list[ExchangeEvent], answer: bytes) -> None:
    tail = tail_of(stream, answer)
    topics = [event.TOPIC for event in stream]
    assert (tail.version, tail.newest_at, tail.answer) == (stream[-1].originator_version, stream[-1].timestamp, answer)
    assert tail.started == ("response-started" in topics)
    assert tail.ended == bool({"response-completed", "response-aborted"} & set(topics))
    assert list(tail.gaps) == [event for event in stream if event.TOPIC == "recording-gap"]
    requests = [event for event in stream if event.TOPIC == "request-received"]
    assert tail.request == (requests[0] if requests else None)


def test_a_stream_that_only_began() -> None:
    tail = tail_of([received(ID)], b"")
    assert (tail.request, tail.started, tail.ended, tail.streamed, tail.gaps) == (received(ID), False, False, 0, ())


def test_streamed_is_behind_the_last_run() -> None:
    assert tail_of([received(ID), streamed(ID, 2, 0, b"abc")[0], streamed(ID, 3, 3, b"de")[0]], b"abcde").streamed == 5


def test_a_gap_in_the_answer_counts_as_told() -> None:
    assert tail_of([received(ID), streamed(ID, 2, 0, b"abc")[0], gap(3, "response", 3, 100)], b"abc").streamed == 103


def test_a_gap_in_the_request_does_not() -> None:
    assert tail_of([received(ID), gap(2, "request", 0, 100)], b"").streamed == 0


@pytest.mark.parametrize("version", [2, 3])
def test_either_terminal_event_ends_it(version: int) -> None:
    started = ResponseStarted(
        originator_id=ID, originator_version=2, timestamp=AT, origin="gateway", status=502, headers=(), elapsed_us=1
    )
    aborted = ResponseAborted(
        originator_id=ID,
        originator_version=3,
        timestamp=AT + timedelta(seconds=1),
        ended_by="client",
        byte_count=0,
        delivered=None,
        elapsed_us=None,
    )
    assert tail_of([received(ID), started, completed(ID, 3)], b"").ended
    assert tail_of([received(ID), started, aborted], b"").ended
    assert not tail_of([received(ID), started], b"").ended
