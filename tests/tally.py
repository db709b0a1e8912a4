"""A projection whose effects show how often they happened: it counts streams and adds up their ids.

Every stream it is given has one event, so a batch of ids is a batch of events.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from domain.ids import Position
from projections.projector import Projection, Write
from projections.read_models import narrowing
from projections.read_models.connection import Connection

_ADD = "UPDATE tally SET counted = counted + $1, total = total + $2"
_PRIME = (1 << 61) - 1


class _Adder:
    async def project(self, request_ids: Sequence[UUID], _upto: Position) -> Write:
        async def write(tx: Connection) -> None:
            await tx.execute(_ADD, len(request_ids), total_of(request_ids))

        return write


def total_of(request_ids: Iterable[UUID]) -> int:
    return sum(one.int % _PRIME for one in request_ids)


narrowing.RULES = MappingProxyType({**narrowing.RULES, "tally": narrowing.Rule("false")})  # as every view has one
TALLY = Projection(
    name="tally",
    version=1,
    topics=("request-received",),
    schema_file=str(Path(__file__).with_name("tally_schema.txt")),
    tables=("tally",),
    views=("tally",),
    make=lambda _reader: _Adder(),
)
