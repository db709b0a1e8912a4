"""Every table is compared; whatever is spoiled on any side is found and named."""

import json
from dataclasses import replace

import pytest

from domain.corrections import LinkCorrection
from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops import verifying
from ops.db.pool import Pool
from ops.reading import Database
from ops.verifying import Digests, as_json, different, in_another_process, verify
from projections.catching_up import Progress
from projections.follower import Sources
from projections.projector import Projection
from projections.read_models import builds, failures
from projections.read_models.builds import Build
from projections.read_models.digests import MISSING, SET_ASIDE, Digest
from projections.rebuilding import LiveDigest, build_beside, live_digest, rebuilt_digest
from projections.registry import PROJECTIONS, projection
from tests.projected import Store, append_word
from tests.shipping import AT

REQUESTS = projection("requests")
CONVERSATIONS = projection("conversations")
TABLES = [(one, table) for one in PROJECTIONS for table in one.tables]
ONE, TWO = Digest(1, "1/1"), Digest(2, "2/2")


async def filled(pool: Pool) -> Store:
    """Some rows in every table."""
    store = Store.over(pool)
    await store.append("d5_background")
    ids = await store.append("d2_two_agents")
    await append_word(pool, LinkCorrection.begin(ids[2], None, who="ada", why="a root", at=AT))
    await store.follow()
    return store


@pytest.fixture
def here_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process says what a right one would say."""

    def said(name: str, upto: Position, _database: Database) -> Digests:
        return _RIGHT[name]

    monkeypatch.setattr(verifying, "in_another_process", said)


_RIGHT: dict[str, Digests] = {}


async def remember(store: Store) -> None:
    """What the tables are while they are right."""
    for one in PROJECTIONS:
        live = await live_digest(one, store.sources)
        assert live is not None
        _RIGHT[one.name] = live.tables


def database(pool: Pool) -> Database:
    return Database(pool, "postgresql:///unused", embedded=False)


SPOIL = """
DO $$
DECLARE place text := '{schema}.{table}'; col text; made text;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', place) INTO made;
    IF made = '0' THEN RAISE EXCEPTION 'nothing to spoil in %', place; END IF;
    {what}
END $$
"""
DELETE_ONE = "EXECUTE format('DELETE FROM %s WHERE ctid = (SELECT min(ctid) FROM %s)', place, place);"
DOUBLE_ONE = """
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', place, '{table}_pkey');
    EXECUTE format('INSERT INTO %s SELECT * FROM %s WHERE ctid = (SELECT min(ctid) FROM %s)', place, place, place);
"""
CHANGE_ONE = """
    SELECT a.attname INTO col FROM pg_attribute a
    WHERE a.attrelid = place::regclass AND a.attnum > 0 AND a.atttypid IN ('text'::regtype, 'uuid'::regtype)
    ORDER BY a.attnum DESC LIMIT 1;
    EXECUTE format(
        'UPDATE %s SET %I = CASE WHEN pg_typeof(%I) = ''uuid''::regtype
            THEN ''ffffffff-ffff-ffff-ffff-ffffffffffff'' ELSE ''spoiled'' END::%s
         WHERE ctid = (SELECT min(ctid) FROM %s)',
        place, col, col, (SELECT format_type(atttypid, NULL) FROM pg_attribute
                          WHERE attrelid = place::regclass AND attname = col), place);
"""


@pytest.mark.usefixtures("here_only")
@pytest.mark.parametrize("what", [DELETE_ONE, DOUBLE_ONE, CHANGE_ONE], ids=["deleted", "doubled", "changed"])
@pytest.mark.parametrize(("one", "table"), TABLES, ids=lambda value: getattr(value, "name", value))
async def test_one_spoiled_row_of_any_table_is_found(pool: Pool, one: Projection, table: str, what: str) -> None:
    store = await filled(pool)
    await remember(store)
    statement = SPOIL.replace("{what}", what).replace("{schema}", f"p_{one.name}_1").replace("{table}", table)
    await pool.execute(statement)
    lines, right = await verify(one, database(pool))
    assert not right
    assert [line.split(":")[0] for line in lines if "DIFFERENT" in line] == [f"{one.name}.{table}"]


@pytest.mark.usefixtures("here_only")
async def test_right_tables_are_equal_and_each_is_named(pool: Pool) -> None:
    store = await filled(pool)
    await remember(store)
    for one in PROJECTIONS:
        lines, right = await verify(one, database(pool))
        assert right
        assert [line.split(":")[0] for line in lines] == [f"{one.name}.{table}" for table in sorted(one.tables)]


@pytest.mark.usefixtures("here_only")
@pytest.mark.parametrize("one", PROJECTIONS, ids=lambda one: one.name)
async def test_events_that_come_meanwhile_do_not_count(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, one: Projection
) -> None:
    """They are appended, and taken in by the live build, between its digest and the rebuild."""
    store = await filled(pool)
    await remember(store)

    async def after_more(
        projection: Projection, sources: Sources, upto: Position, batch_events: int, progress: Progress
    ) -> dict[str, Digest]:
        await store.append("a_oneshot")
        await store.follow()
        return await rebuilt_digest(projection, sources, upto, batch_events, progress)

    monkeypatch.setattr(verifying, "rebuilt_digest", after_more)
    assert (await verify(one, database(pool)))[1]


@pytest.mark.usefixtures("here_only")
async def test_an_exchange_that_only_the_live_build_set_aside_is_found(pool: Pool) -> None:
    store = await filled(pool)
    await remember(store)
    request_id = await pool.fetchval("SELECT request_id FROM read.requests LIMIT 1")
    async with store.sources.transactions() as tx:
        await failures.record(tx, Build("requests", REQUESTS.version, 1), request_id, Position(1), "bad")
    lines, right = await verify(REQUESTS, database(pool))
    assert not right
    assert any(f"requests.{SET_ASIDE}" in line and "exchanges live / rebuilt" in line for line in lines)


@pytest.mark.usefixtures("here_only")
async def test_views_that_show_another_build_are_found(pool: Pool) -> None:
    store = await filled(pool)
    await remember(store)
    async with store.sources.transactions() as tx:
        await builds.create(tx, REQUESTS)
    await pool.execute("CREATE OR REPLACE VIEW read.requests AS SELECT * FROM p_requests_2.requests")
    lines, right = await verify(REQUESTS, database(pool))
    assert not right
    assert any("requests.read.requests: DIFFERENT (readers see another table)" in line for line in lines)
    await pool.execute("DROP VIEW read.requests")
    assert not (await verify(REQUESTS, database(pool)))[1]


async def test_a_live_build_of_another_version_is_said_not_to_be_verified(pool: Pool) -> None:
    await filled(pool)
    [line], right = await verify(replace(REQUESTS, version=REQUESTS.version + 1), database(pool))
    assert not right
    assert f"of version {REQUESTS.version}" in line
    assert "nexus projections diff requests" in line


async def test_what_is_not_built_has_nothing_to_verify(pool: Pool) -> None:
    [line], right = await verify(REQUESTS, database(pool))
    assert right
    assert "nothing to verify" in line


async def test_a_candidate_beside_does_not_matter(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await filled(pool)
    await build_beside(REQUESTS, store.sources)
    await remember(store)
    monkeypatch.setattr(verifying, "in_another_process", lambda name, _upto, _database: _RIGHT[name])
    assert (await verify(REQUESTS, database(pool)))[1]


def live(**tables: Digest) -> LiveDigest:
    return LiveDigest(Build("requests", REQUESTS.version, 1), Position(9), tables, {})


@pytest.mark.parametrize("side", [0, 1, 2])
def test_each_of_the_three_sides_counts(side: int) -> None:
    sides = [{"a": ONE, "b": TWO} for _ in range(3)]
    sides[side] = {"a": ONE, "b": ONE}
    found = different(live(**sides[0]), sides[1], sides[2])
    assert list(found) == ["b"]
    rows = " / ".join(str(each["b"].rows) for each in sides)
    assert rows in found["b"]


@pytest.mark.parametrize("side", [0, 1, 2])
def test_a_table_that_one_side_lacks_is_different(side: int) -> None:
    sides = [{"a": ONE, "b": Digest(0, "0/0")} for _ in range(3)]
    del sides[side]["b"]
    assert list(different(live(**sides[0]), sides[1], sides[2])) == ["b"], "also when it is empty"


def test_equal_sides_are_not_different() -> None:
    assert different(live(a=ONE), {"a": ONE}, {"a": ONE}) == {}
    missing = LiveDigest(Build("requests", REQUESTS.version, 1), Position(9), {"a": ONE}, {"a": MISSING})
    assert list(different(missing, {"a": ONE}, {"a": ONE})) == ["read.a"]


def test_the_other_process_failing_is_said() -> None:
    broken = Database(pool=None, url="postgresql:///nowhere?host=/nowhere", embedded=True)  # type: ignore[arg-type]  # it has none
    with pytest.raises(StoreUnavailableError, match="other process failed"):
        in_another_process("requests", Position(1), broken)


def test_digests_go_from_process_to_process_as_json() -> None:
    assert json.loads(as_json({"a": ONE})) == {"a": {"rows": 1, "digest": "1/1"}}
