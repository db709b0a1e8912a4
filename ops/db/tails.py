"""What is stored of an exchange? A fold over its events."""

from collections.abc import Sequence

from domain.ports import StreamTail
from schemas.stored.events import (
    TERMINAL,
    ChunkStreamed,
    ExchangeEvent,
    RecordingGap,
    RequestReceived,
    ResponseStarted,
)


def tail_of(stream: Sequence[ExchangeEvent], answer: bytes) -> StreamTail:
    """``stream``: the events of one exchange by version, at least one; ``answer``: its recorded bytes."""
    return StreamTail(
        version=stream[-1].originator_version,
        newest_at=stream[-1].timestamp,
        request=next((event for event in stream if isinstance(event, RequestReceived)), None),
        started=any(isinstance(event, ResponseStarted) for event in stream),
        ended=any(isinstance(event, TERMINAL) for event in stream),
        streamed=max((_behind(event) for event in stream), default=0),
        gaps=tuple(event for event in stream if isinstance(event, RecordingGap)),
        answer=answer,
    )


def _behind(event: ExchangeEvent) -> int:
    """Offset behind the last byte of the answer that the event tells of."""
    match event:
        case ChunkStreamed(offset=offset, lengths=lengths):
            return offset + sum(lengths)
        case RecordingGap(part="response", offset=offset, byte_count=missing):
            return offset + missing
        case _:
            return 0
