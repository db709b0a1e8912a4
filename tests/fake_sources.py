"""EventLog and Payloads in memory, counting what is asked of them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.errors import PayloadMissingError
from domain.ids import Position
from domain.parts import CutBody, put_together
from domain.ports import AggregateFact, Recorded, UnreadableEvent
from schemas.stored.events import BodyReference, ExchangeEvent


@dataclass
class FakePayloads:
    """Parts by scope and key; answers by request."""

    stored: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    answered: dict[UUID, bytes] = field(default_factory=dict)
    asked: list[set[bytes]] = field(default_factory=list)
    """Keys of every call of ``scoped_parts``."""

    def keep(self, scope: str, body: CutBody) -> None:
        self.stored.update({(scope, part.key): part.data for part in body.parts.values()})

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        self.asked.append({key for _, key in wanted})
        return {one: self.stored[one] for one in wanted if one in self.stored}

    async def scope_key(self, scope: str) -> bytes:
        return scope.encode().ljust(32)

    async def body(self, scope: str, reference: BodyReference) -> bytes:
        def fetch(key: bytes) -> bytes:
            try:
                return self.stored[scope, key]
            except KeyError:
                raise PayloadMissingError from None

        return put_together(reference, await self.scope_key(scope), fetch)

    async def answers(self, request_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        return {one: self.answered[one] for one in request_ids if one in self.answered}


@dataclass
class FakeLog:
    """Events in the order of their positions."""

    events: Sequence[ExchangeEvent | AggregateFact] = ()

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        found = [one for one in self._all() if one.position > after and _is_of(one, topics)]
        return found[:limit]

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        return [one for one in self._all() if one.event.originator_id == originator_id]

    async def streams(
        self, originator_ids: Collection[UUID], upto: Position, topics: Sequence[str]
    ) -> Mapping[UUID, Sequence[Recorded]]:
        out = defaultdict[UUID, list[Recorded]](list)
        for one in self._all():
            if one.event.originator_id in originator_ids and one.position <= upto and _is_of(one, topics):
                out[one.event.originator_id].append(one)
        return out

    async def newest(self) -> Position:
        return Position(len(self.events))

    async def wakeups(self) -> AsyncIterator[None]:
        yield None

    def _all(self) -> list[Recorded]:
        return [Recorded(Position(number), event) for number, event in enumerate(self.events, start=1)]


def _is_of(recorded: Recorded, topics: Sequence[str]) -> bool:
    event = recorded.event
    return (
        not topics or (event.topic if isinstance(event, UnreadableEvent) else getattr(event, "TOPIC", None)) in topics
    )
