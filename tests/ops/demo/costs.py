"""What the demo used, by the second program: straight from the raw answers that were recorded, on every dimension."""

import gzip
from datetime import timedelta
from functools import partial

from dashboard.data import DataStore
from dashboard.told import Sayings
from dashboard.usage import UsageQuery
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.stores import opened
from tests import usage_oracle
from tests.captures import Captured
from tests.dashboard.test_usage import SAID, SINCE, Line, check_partitions, money
from tests.dashboard.test_usage_trees import check as check_trees
from tests.projected import Store
from tests.projections.read_models.test_usage_rollup import check as check_sums
from tests.recorded import RecordedExchange
from tests.usage_oracle import Told


async def check_costs(dsn: str) -> list[Line]:
    """Tables, partitions and trees of sub-tasks, with prices of the tests; the lines they were held against."""
    async with opened(dsn, "nexus-test") as pool:
        store = Store.over(pool)
        asking = DataStore(partial(borrowed, pool, 20.0), PostgresEventLog(pool), PostgresPayloads(pool), _said)
        known = await _told(store, asking)
        await check_sums(store, known)
        keys = {one.request.scope: await store.sources.reader.scope_key(one.request.scope) for one in known}
        lines = usage_oracle.lines(known, await store.links(), keys)
        until = max(line["received_at"] for line in lines) + timedelta(days=1)
        await check_partitions(asking, lines, until)
        check_trees(await asking.usage(UsageQuery(since=SINCE, until=until, group_by=("subtask",), limit=1000)), lines)
        assert money(lines) > 0
        return lines


async def _said() -> Sayings:
    return SAID


async def _told(store: Store, asking: DataStore) -> list[Told]:
    """Every exchange that has a link, with its bytes as they were recorded."""
    found = list[Told]()
    for request_id in await store.links():
        item, details = await asking.request(request_id), await asking.details(request_id)
        body, answer = await asking.request_body(request_id), await asking.response_bytes(request_id)
        assert item
        assert details
        assert body
        assert answer
        events = [event for event in (details.received, details.started, details.ended) if event is not None]
        captured = Captured(
            n=0,
            at=item.received_at,
            path=item.path or "",
            headers=(),
            body=body.data,
            status=item.status or 0,
            content_type="",
            answer=gzip.decompress(answer.data) if answer.content_encoding == "gzip" else answer.data,
            fault=None,
        )
        found.append(Told(captured, RecordedExchange(request_id, tuple(events), None, None)))
    return found
