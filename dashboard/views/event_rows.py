"""What does each event of a stream say, in a few words? Events in, rows for a template out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dashboard import formatting as fmt
from dashboard.views.prose import Prose, verbatim
from schemas.read_api import EventItem
from schemas.stored.events import (
    ChunkStreamed,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event."""

    version: int
    position: int
    topic: str
    timestamp: datetime
    summary: str
    data: Prose


def event_row(event: EventItem) -> EventRow:
    text = msgspec.json.format(msgspec.json.encode(event.data)).decode()
    return EventRow(
        event.version, event.position, event.topic, event.timestamp, _summary(event.topic, event.data), verbatim(text)
    )


def _summary(topic: str, data: Mapping[str, object]) -> str:
    match topic:
        case RequestReceived.TOPIC:
            return f"{data.get('method')} {data.get('target')}, {_bytes(data, 'byte_count')}"
        case ResponseStarted.TOPIC:
            return f"{data.get('status')} from {data.get('origin')} after {_ms(data)}"
        case ChunkStreamed.TOPIC:
            lengths = data.get("lengths")
            sizes = [length for length in lengths if isinstance(length, int)] if isinstance(lengths, list) else []
            return f"{fmt.plural(len(sizes), 'chunk')}, {fmt.size(sum(sizes))} from byte {data.get('offset')}"
        case ResponseCompleted.TOPIC:
            return f"{_bytes(data, 'byte_count')} after {_ms(data)}"
        case ResponseAborted.TOPIC:
            return f"by {data.get('ended_by')} after {_ms(data)}; {_bytes(data, 'byte_count')} recorded"
        case RecordingGap.TOPIC:
            return f"{_bytes(data, 'byte_count')} of the {data.get('part')} are missing: {data.get('reason')}"
        case _:
            return ""


def _bytes(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return fmt.size(value if isinstance(value, int) else None)


def _ms(data: Mapping[str, object]) -> str:
    value = data.get("elapsed_us")
    return fmt.duration(value / 1000 if isinstance(value, int) else None)
