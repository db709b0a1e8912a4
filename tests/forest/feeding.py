"""How do exchanges come to the projection: in which order, in which portions, how often?"""

from collections.abc import Sequence
from random import Random
from uuid import UUID

from projections.registry import projection
from schemas.stored.events import ChunkStreamed, ExchangeEvent, RequestReceived
from tests.captures import Captured, Expected
from tests.forest.truth import Forest
from tests.projected import Store
from tests.recorded import RecordedExchange, recorded
from tests.shipping import TestJournal

CONVERSATIONS = projection("conversations")
_LINKS = "SELECT * FROM read.links WHERE request_id = ANY($1)"
_FORGET = "UPDATE nexus_tracking SET notification_id = 0 WHERE application_name LIKE 'conversations:%'"


def request_ids(forest: Forest) -> dict[int, UUID]:
    """UUIDv7 ids, by number; another forest has others."""
    random = Random(f"ids of {forest.name}")
    return {one.n: _request_id(one, random) for one in forest.captured}


def _request_id(one: Captured, random: Random) -> UUID:
    milliseconds = int(one.at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62))


async def append(store: Store, forests: Sequence[Forest], random: Random | None = None, portion: int = 500) -> None:
    """Append every event, ``portion`` at a time; with ``random``, exchanges in any order and mixed up."""
    exchanges = list[RecordedExchange]()
    for forest in forests:
        ids = request_ids(forest)
        exchanges += [await recorded(one, ids[one.n], store.ship) for one in forest.captured]
    events = [(exchange, event) for exchange in exchanges for event in exchange.events]
    if random is not None:
        events = _mixed(exchanges, random)
    journal = await TestJournal.opened(store.ship)
    for at in range(0, len(events), portion):
        await _ship(store, journal, events[at : at + portion])


def _mixed(exchanges: Sequence[RecordedExchange], random: Random) -> list[tuple[RecordedExchange, ExchangeEvent]]:
    """The events of one exchange stay in their order; nothing else does."""
    turns = [exchange for exchange in exchanges for _ in exchange.events]
    random.shuffle(turns)
    left = {exchange.request_id: list(exchange.events) for exchange in exchanges}
    return [(exchange, left[exchange.request_id].pop(0)) for exchange in turns]


async def _ship(store: Store, journal: TestJournal, events: Sequence[tuple[RecordedExchange, ExchangeEvent]]) -> None:
    bodies = [
        (exchange.body.scope, exchange.body.body)
        for exchange, event in events
        if isinstance(event, RequestReceived) and exchange.body
    ]
    runs = [exchange.run for exchange, event in events if isinstance(event, ChunkStreamed) and exchange.run]
    await journal.ship(store.ship, [event for _, event in events], bodies, runs)


async def follow(store: Store, batch_events: int = 500) -> None:
    await store.follow_one(CONVERSATIONS, batch_events)


async def follow_again(store: Store, batch_events: int = 500) -> None:
    """Everything is delivered once more, from the beginning."""
    await store.pool.execute(_FORGET)
    await follow(store, batch_events)


async def links_of(store: Store, forest: Forest) -> dict[int, Expected]:
    """What the projection says of this forest, by number."""
    ids = request_ids(forest)
    numbers = {request_id: n for n, request_id in ids.items()}
    rows = await store.rows(_LINKS, list(ids.values()))
    return {numbers[row["request_id"]]: _said(row, numbers) for row in rows}


def _said(row: dict[str, object], numbers: dict[UUID, int]) -> Expected:
    """A parent or a conversation outside of the forest is number -1: never right."""
    known: list[int | None] = []
    for column in ("parent_request_id", "conversation_id"):
        value = row[column]
        known.append(numbers.get(value, -1) if isinstance(value, UUID) else None)
    n = numbers[UUID(str(row["request_id"]))]
    return Expected(n, (str(row["request_class"]),), (str(row["edge"]),), (known[0],), (known[1],))
