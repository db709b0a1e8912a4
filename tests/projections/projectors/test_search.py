"""Whatever was said is kept once, at the place that said it first, whatever order it came in."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from domain.classification import classify
from domain.request_view import view_of_json
from domain.said import Said, said_in
from domain.sayings import EVERY
from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import Pool
from projections.projectors.search import SearchProjector
from projections.read_models import builds, search
from projections.read_models.connection import Connection
from projections.registry import projection
from tests import captures
from tests.captures import Captured
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids

SEARCH = projection("search")
ALL = "SELECT * FROM {} t ORDER BY t::text"
PLACES = """
SELECT p.content, p.kind, p.is_error, s.request_id, s.in_answer, s.place, s.role, s.tool_name, s.aside
FROM read.search_places s JOIN read.search_pieces p ON p.said = s.said
WHERE p.number = 0
"""
Row = tuple[Any, ...]


async def kept(store: Store, listed: Sequence[Captured], order: Sequence[int] = (), batch: int = 500) -> list[Row]:
    ids = request_ids(listed)
    await append_all(
        store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed], [ids[n] for n in order]
    )
    await store.follow_one(SEARCH, batch)
    numbers = {request_id: n for n, request_id in ids.items()}
    return sorted(
        (*row.values(),)
        for row in ({**row, "request_id": numbers[row["request_id"]]} for row in await store.rows(PLACES))
    )


def expected(listed: Sequence[Captured]) -> list[Row]:
    """The same by a plain look at every block of every exchange, with the standard library's reading of JSON."""
    first: dict[tuple[object, Said], Row] = {}
    for one in sorted(listed, key=lambda one: (one.at, one.n)):
        headers = {name.lower(): value for name, value in one.headers}
        view = view_of_json(one.body)
        said = classify(one.path, headers, view)
        aside = said.request_class == "auxiliary" and not said.side
        blocks = list(said_by(one))
        session = headers.get("x-claude-code-session-id") or (view.identity.session if view else None)
        words = [found for block, *_ in blocks if (found := said_in(block)) is not None]
        thread = (session or (words[:1] and words[0]), headers.get("x-claude-code-agent-id", ""), aside)
        tools = {block["id"]: block["name"] for block, *_ in blocks if isinstance(block, dict) and "input" in block}
        for block, place, in_answer, role in blocks:
            found = said_in(block)
            if found is None:
                continue
            tool = tools.get(block.get("id") or block.get("tool_use_id"), "") if isinstance(block, dict) else ""
            row = (found.text[:16_000], found.kind, found.is_error, one.n, in_answer, place, role, tool, aside)
            first.setdefault((thread, found), row)
    return sorted(first.values())


def said_by(one: Captured) -> Any:
    place = 0
    for message in json.loads(one.body).get("messages", []):
        content = message["content"]
        for block in [content] if isinstance(content, str) else content:
            yield block, place, False, message["role"]
            place += 1
    if one.content_type == "application/json" and one.answer:
        answer = json.loads(one.answer)
        for place, block in enumerate(answer.get("content", ())):
            yield block, place, True, "assistant"


def plainly(name: str) -> list[Captured]:
    """A capture, its streamed answers left out: how they are put together is ``domain/assembly.py``'s to say."""
    return [
        one if one.content_type == "application/json" else replace(one, answer=b"") for one in captures.exchanges(name)
    ]


@pytest.mark.parametrize("name", captures.names())
async def test_everything_said_is_kept_once_where_it_was_said_first(pool: Pool, name: str) -> None:
    listed = plainly(name)
    assert await kept(Store.over(pool), listed) == expected(listed)


async def test_streamed_answers_are_kept(pool: Pool) -> None:
    store = Store.over(pool)
    await kept(store, captures.exchanges("f2_compact_tui"))
    (found,) = await store.rows(f"SELECT count(*) AS answers FROM ({PLACES}) p WHERE in_answer")
    assert found["answers"] == 5


@pytest.mark.bar(26)
@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_batches_give_the_same_rows(
    pool: Pool, postgres_server: EmbeddedPostgres, migrated_template: str, seed: int
) -> None:
    random = Random(seed)
    listed = [*captures.exchanges(random.choice(captures.names()))]
    listed += [replace(one, n=one.n + 500, at=one.at + timedelta(seconds=1)) for one in listed]
    listed += [replace(one, n=one.n + 1_000, at=one.at + timedelta(seconds=3)) for one in long_session(30)]
    order = [one.n for one in listed for _ in range(4)]
    random.shuffle(order)
    shuffled = Store.over(pool)
    await kept(shuffled, listed, order, batch=random.choice([1, 3, 7]))
    dsn = create_database(postgres_server, migrated_template)
    async with opened(dsn) as other_pool:
        in_order = Store.over(other_pool)
        await kept(in_order, listed)
        for table in ("read.search_pieces", "read.search_places", await marks_of(shuffled)):
            assert await shuffled.rows(ALL.format(table)) == await in_order.rows(ALL.format(table)), table
    drop_database(postgres_server, dsn)


async def marks_of(store: Store) -> str:
    (build,) = await store.rows("SELECT schema FROM projections WHERE name = 'search'")
    return f"{build['schema']}.search_marks"


def long_session(turns: int) -> list[Captured]:
    """Each request repeats all before it, as a client does."""
    messages: list[dict[str, Any]] = []
    found = []
    for number in range(turns):
        messages.append(
            {"role": "user", "content": f"This is prompt number {number}, and it is a long one: {'x' * 60}"}
        )
        body = {"model": "m", "messages": list(messages), "metadata": {"user_id": '{"session_id": "long"}'}}
        answer = {"type": "message", "content": [{"type": "text", "text": f"Answer {number} {'y' * 60}"}]}
        one = captures.exchanges("a_oneshot")[0]
        found.append(
            replace(
                one,
                n=number,
                at=one.at + timedelta(seconds=number),
                path="/v1/messages",
                headers=(("x-claude-code-session-id", "long"),),
                body=json.dumps(body).encode(),
                status=200,
                content_type="application/json",
                answer=json.dumps(answer).encode(),
            )
        )
        messages.append({"role": "assistant", "content": answer["content"]})
    return found


async def test_a_turn_of_a_long_session_writes_its_own_part(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the whole history again: what was looked at is counted turn by turn."""
    counted = []

    async def save(tx: Connection, places: Sequence[search.PlaceRow]) -> None:
        counted.append(len(places))
        await save_places(tx, places)

    save_places = search.save_places
    monkeypatch.setattr(search, "save_places", save)
    store, listed = Store.over(pool), long_session(60)
    assert await kept(store, listed, batch=1) == expected(listed)
    assert max(counted) <= EVERY + 3


async def test_a_transaction_that_comes_to_nothing_leaves_nothing_out(pool: Pool) -> None:
    """The projector remembers what it gave, the store does not have it."""
    store, listed = Store.over(pool), plainly("f2_compact_tui")
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, SEARCH)
    projector = SearchProjector(store.sources.reader)
    upto = await store.sources.log.newest()

    async def take_in(tx: Connection) -> None:
        await builds.enter(tx, build)
        await (await projector.project(list(ids.values()), upto))(tx)

    async with store.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await take_in(connection)
        await transaction.rollback()
    assert await store.rows(PLACES) == []
    async with store.sources.transactions() as tx:
        await take_in(tx)
    assert len(await store.rows(PLACES)) == len(expected(listed))
    assert await store.rows("SELECT said FROM read.search_places EXCEPT SELECT said FROM read.search_pieces") == []


async def test_keys_and_what_postgres_cannot_hold_are_not_kept(pool: Pool) -> None:
    secret = "sk-ant-api03-" + "a" * 40
    (one, *_) = long_session(1)
    text = f"my key is {secret} and\x00 that"
    body = {"messages": [{"role": "user", "content": text}], "metadata": {"user_id": '{"session_id": "long"}'}}
    await kept(store := Store.over(pool), [replace(one, body=json.dumps(body).encode())])
    rows = await store.rows("SELECT content, words::text FROM read.search_pieces ORDER BY content")
    assert not any(secret[8:] in row["content"] + row["words"] for row in rows)
    assert any("and\N{REPLACEMENT CHARACTER} that" in row["content"] for row in rows)


async def test_what_was_erased_is_not_kept(pool: Pool) -> None:
    store, listed = Store.over(pool), long_session(3)
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    await pool.execute("DELETE FROM parts")
    await store.follow_one(SEARCH)
    assert {row["content"][:6] for row in await store.rows(PLACES)} == {"Answer"}


async def test_a_long_text_is_kept_in_pieces(pool: Pool) -> None:
    (one, *_) = long_session(1)
    text = " ".join(f"word{number}" for number in range(5_000))
    body = {"messages": [{"role": "user", "content": text}]}
    await kept(store := Store.over(pool), [replace(one, body=json.dumps(body).encode(), answer=b"")])
    rows = await store.rows("SELECT number, content FROM read.search_pieces ORDER BY number")
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert len(rows) == 3
    assert "".join(row["content"] for row in rows) == text


async def test_what_says_nothing_has_no_place(pool: Pool) -> None:
    (one, *_) = long_session(1)
    silent = [replace(one, body=body, answer=b"", n=n) for n, body in enumerate((b"", b"no JSON", b'{"messages": []}'))]
    assert await kept(store := Store.over(pool), silent) == []
    assert await store.rows("SELECT * FROM read.search_pieces") == []
