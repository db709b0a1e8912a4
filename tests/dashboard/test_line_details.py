"""A line of talk tells of its exchanges what each would tell by itself, over a real store."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from dashboard.data import AT_A_TIME, DataStore
from dashboard.details import OpenedBody, RequestDetails
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from tests import captures
from tests.bench.long_sessions import Shape, Shipper, session
from tests.projected import Store
from tests.read_rows import request_id
from tests.shipping import TestJournal

ERASE_A_PART = "DELETE FROM parts WHERE key = (SELECT key FROM parts ORDER BY raw_length DESC LIMIT 1)"
ERASE_ANSWERS = "DELETE FROM chunks"


def store_over(pool: Pool, payloads: PostgresPayloads | None = None) -> DataStore:
    return DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), payloads or PostgresPayloads(pool))


def without_text(details: RequestDetails | None) -> RequestDetails | None:
    """But for the body's own text, which a line of talk does not put together again."""
    if details is None:
        return None
    body = details.sent.body
    kept = OpenedBody(body.kept, body.state, b"") if details.sent.parsable else body
    return replace(details, sent=replace(details.sent, body=kept))


async def told(store: DataStore, ids: list[UUID]) -> list[RequestDetails | None]:
    return [without_text(one) async for one in store.line_details(ids)]


async def expected(store: DataStore, ids: list[UUID]) -> list[RequestDetails | None]:
    return [without_text(await store.details(one)) for one in ids]


@pytest.mark.parametrize("capture", captures.names())
async def test_a_capture_is_told_the_same_way(pool: Pool, capture: str) -> None:
    projected = Store.over(pool)
    ids = list((await projected.append(capture)).values())
    await projected.follow()
    store = store_over(pool)
    asked = [*ids, request_id(99), *ids[:1]]
    assert await told(store, asked) == await expected(store, asked)


@pytest.mark.parametrize("erase", [ERASE_A_PART, ERASE_ANSWERS])
async def test_what_is_erased_is_said_to_be_so(pool: Pool, erase: str) -> None:
    projected = Store.over(pool)
    ids = list((await projected.append(captures.names()[0])).values())
    await pool.execute(erase)
    store = store_over(pool)
    found = await told(store, ids)
    assert found == await expected(store, ids)
    assert any(one and "erased" in {one.sent.body.kept, one.answer.body.kept} for one in found)


class CountedPayloads(PostgresPayloads):
    """Counts how often each part is read."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.read: Counter[bytes] = Counter()

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        self.read.update(key for _, key in wanted)
        return await super().scoped_parts(wanted)

    async def parts(self, scope: str, keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        self.read.update(keys)
        return await super().parts(scope, keys)


async def test_a_long_talk_reads_each_part_once(pool: Pool) -> None:
    shape = Shape(turns=AT_A_TIME + 3, result_chars=200, runs=1)
    projected = Store.over(pool)
    shipper = Shipper(projected.ship, await TestJournal.opened(projected.ship), shape)
    ids = [await shipper.ship(one) for one in session("long", shape)]
    payloads = CountedPayloads(pool)
    found = [one async for one in store_over(pool, payloads).line_details(ids)]
    assert [len(one.sent.messages) for one in found if one] == [2 * turn + 1 for turn in range(shape.turns)]
    assert set(payloads.read.values()) == {1}
    assert payloads.read.total() < 6 * shape.turns
