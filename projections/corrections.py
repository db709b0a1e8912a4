"""What did people say of these requests' places, up to position p? The corrections among these streams."""

from collections.abc import Collection
from uuid import UUID

from domain.corrections import CORRECTION_TOPICS, Standing, standing
from domain.ids import Position
from domain.ports import EventLog


async def read_corrections(log: EventLog, stream_ids: Collection[UUID], upto: Position) -> list[Standing]:
    """One for each stream that is a correction's; the others are passed over."""
    streams = await log.streams(stream_ids, upto, CORRECTION_TOPICS)
    found = [standing([recorded.event for recorded in stream]) for _, stream in sorted(streams.items())]
    return [one for one in found if one is not None]
