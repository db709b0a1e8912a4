"""Every event says in a few words what it is about."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.event_rows import event_row
from schemas.read_api import EventItem
from schemas.stored.events import EXCHANGE_EVENTS
from tests.read_rows import START
from tests.recorded_details import event_items, request_details
from tests.strategies import json_values

TOPICS = [event.TOPIC for event in EXCHANGE_EVENTS]


def item(topic: str, **data: Any) -> EventItem:
    return EventItem(position=7, version=1, topic=topic, timestamp=START, data=data)


@pytest.mark.parametrize(
    ("topic", "data", "summary"),
    [
        (
            "request-received",
            {"method": "POST", "target": "/v1/messages", "byte_count": 2048},
            "POST /v1/messages, 2.0 KiB",
        ),
        (
            "response-started",
            {"status": 200, "origin": "upstream", "elapsed_us": 640_000},
            "200 from upstream after 640 ms",
        ),
        ("chunk-streamed", {"offset": 5, "lengths": [1, 2, 3]}, "3 chunks, 6 B from byte 5"),
        ("response-completed", {"byte_count": 10, "elapsed_us": 2_000_000}, "10 B after 2.0 s"),
        (
            "response-aborted",
            {"byte_count": 10, "elapsed_us": None, "ended_by": "client"},
            "by client after –; 10 B recorded",
        ),
        (
            "recording-gap",
            {"part": "request", "reason": "disk", "byte_count": 9},
            "9 B of the request are missing: disk",
        ),
        ("something-new", {"a": 1}, ""),
    ],
)
def test_summaries(topic: str, data: dict[str, Any], summary: str) -> None:
    assert event_row(item(topic, **data)).summary == summary


@given(
    st.sampled_from(TOPICS),
    st.dictionaries(st.sampled_from(["lengths", "byte_count", "elapsed_us", "offset"]), json_values(3)),
)
def test_data_of_any_shape_is_told(topic: str, data: dict[str, Any]) -> None:
    row = event_row(item(topic, **data))
    assert row.summary
    assert json.loads("".join(segment.text for segment in row.data.segments)) == json.loads(json.dumps(data))


def test_a_row_keeps_place_and_time() -> None:
    (first, *_) = event_items(request_details())
    row = event_row(first)
    assert (row.version, row.position, row.topic, row.timestamp) == (1, 40, "request-received", first.timestamp)
