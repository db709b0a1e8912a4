"""Of each bucket the newest sighting stays, in whatever order and however often sightings are written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.pool import Pool
from projections.read_models import builds, limits
from projections.read_models.limits import SightingRow
from projections.registry import projection

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ROW = SightingRow(
    account_key="acme",
    span=1,
    bucket=START,
    kind="window",
    gauge="5h",
    seen_at=START,
    request_id=UUID(int=1),
    scope="tenant",
    key_id=None,
    client_domain="localhost",
    status="allowed",
    utilization=0.25,
    resets_at=START + timedelta(hours=3),
    surpassed=True,
    threshold=0.2,
    facts={"a": "ü'\""},
    unknown={},
    malformed=["reset"],
)
ROWS = st.builds(
    lambda account, gauge, second, request, share: replace(
        ROW,
        account_key=account,
        gauge=gauge,
        seen_at=START + timedelta(seconds=second),
        request_id=UUID(int=request),
        utilization=share / 100 + request,
    ),
    st.sampled_from(["acme", "zoo"]),
    st.sampled_from(["5h", "7d"]),
    st.integers(0, 3),
    st.integers(1, 4),
    st.just(0),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(ROWS, max_size=5), max_size=5))
async def test_the_newest_stays(pool: Pool, batches: list[list[SightingRow]]) -> None:
    expected = dict[tuple[str, str], SightingRow]()
    for row in (row for batch in batches for row in batch):
        known = expected.get((row.account_key, row.gauge), row)
        expected[row.account_key, row.gauge] = max(known, row, key=lambda one: (one.seen_at, one.request_id))
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await builds.enter(connection, await builds.ensure_live(connection, projection("limits")))
            for batch in [*batches, *batches[:1]]:
                await limits.save(connection, batch)
            rows = await connection.fetch("SELECT * FROM limit_sightings")
        finally:
            await transaction.rollback()
    found = {(row["account_key"], row["gauge"]): (row["seen_at"], row["utilization"]) for row in rows}
    assert found == {key: (row.seen_at, row.utilization) for key, row in expected.items()}


async def test_a_row_is_written_whole_and_replaced_whole(pool: Pool) -> None:
    newer = replace(
        ROW,
        seen_at=START + timedelta(seconds=1),
        request_id=UUID(int=9),
        scope="other",
        key_id="k1",
        client_domain="b.example",
        status=None,
        utilization=None,
        resets_at=None,
        surpassed=False,
        threshold=None,
        facts={},
        unknown={"b": "c"},
        malformed=[],
    )
    async with pool.acquire() as connection, connection.transaction():
        await builds.enter(connection, await builds.ensure_live(connection, projection("limits")))
        await limits.save(connection, [])
        for row in (ROW, newer):
            await limits.save(connection, [row])
            (stored,) = await connection.fetch(
                "SELECT s.*, to_jsonb(s) ->> 'facts' AS f, unknown ->> 'b' AS u, malformed ->> 0 AS m"
                " FROM limit_sightings s"
            )
            plain = {name for name in SightingRow.__dataclass_fields__ if name not in {"facts", "unknown", "malformed"}}
            assert {name: stored[name] for name in plain} == {name: getattr(row, name) for name in plain}
            assert stored["u"] == row.unknown.get("b")
            assert stored["m"] == next(iter(row.malformed), None)
            assert ("ü" in stored["f"]) == bool(row.facts)
