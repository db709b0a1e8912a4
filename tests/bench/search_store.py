"""What does it cost to search among what a million requests said?

python -m tests.bench.search_store [--texts 1000000] [--keep FOLDER]

Texts are made of fifty thousand words, drawn as words are in any language (a few everywhere, most hardly anywhere), and
cut by the product's own rules; each request says one. Measured is the whole way of a search, from what was typed to
hits with their words marked, the median of five.
"""

import argparse
import asyncio
import statistics
import time
from bisect import bisect
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from random import Random

from dashboard.data import DataStore
from dashboard.searching import SearchQuery
from domain.search_hits import SearchFilter
from domain.search_words import as_vector
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Connection, Pool
from ops.serve_database import migrated
from ops.stores import opened
from projections.read_models import builds
from projections.registry import projection
from tests.bench.big_store import server_in
from tests.bench.usage_store import LAST

ROUNDS = 5
LIMIT_MS = 2_000
VOCABULARY, DISTINCT, WORDS = 50_000, 20_000, 80
A_CONVERSATION = 40
"""Requests."""
MODELS = ("claude-opus-5-5", "claude-sonnet-5")
MAKE_TEXTS = "CREATE TEMP TABLE made (made_n bigint, content text, words tsvector)"
PUT_TEXTS = "INSERT INTO made SELECT n, c, w::tsvector FROM unnest($1::bigint[], $2::text[], $3::text[]) t (n, c, w)"
PIECES = """
INSERT INTO {search}.search_pieces (said, number, scope, kind, is_error, content, words)
SELECT md5('s' || n)::uuid, 0, 'tenant', CASE n % 4 WHEN 0 THEN 'tool_result' WHEN 1 THEN 'tool_input' ELSE 'text' END,
    n % 40 = 0, made.content || ' only' || n, made.words || ('''only' || n || ''':1')::tsvector
FROM generate_series(0, {texts} - 1) one (n) JOIN made ON made.made_n = n % {distinct}
"""
PLACES = """
INSERT INTO {search}.search_places (thread, said, received_at, request_id, in_answer, place, role, tool_name, aside)
SELECT md5('c' || n / {each})::uuid, md5('s' || n)::uuid, {at}, md5('r' || n)::uuid, n % 2 = 0, 0,
    CASE WHEN n % 2 = 0 THEN 'assistant' ELSE 'user' END, CASE WHEN n % 4 < 2 THEN 'Bash' ELSE '' END, false
FROM generate_series(0, {texts} - 1) n
"""
REQUESTS = """
INSERT INTO {requests}.requests (request_id, position, received_at, parsable, deferred, outcome, detail, gaps,
    missing_bytes, model, account, project, session_id)
SELECT md5('r' || n)::uuid, n, {at}, true, false, 'completed', '', 0, 0,
    CASE WHEN n % 3 = 0 THEN '{models[0]}' ELSE '{models[1]}' END, 'acme', 'project-' || n / {each} % 50,
    'session-' || n / {each}
FROM generate_series(0, {texts} - 1) n
"""
LINKS = """
INSERT INTO {conversations}.links (request_id, received_at, request_class, own_edge, edge, confidence, evidence,
    conversation_id, branch_id, depth)
SELECT md5('r' || n)::uuid, {at}, 'main', 'continues', 'continues', 1, '[]', md5('r' || n / {each} * {each})::uuid,
    md5('r' || n / {each} * {each})::uuid, n % {each}
FROM generate_series(0, {texts} - 1) n
"""
AT = "'{last}'::timestamptz - make_interval(secs => ({texts} - n) * 60)"
SIZES = """
SELECT pg_total_relation_size('{0}.search_pieces') + pg_total_relation_size('{0}.search_places'),
    (SELECT sum(length(content)) FROM {0}.search_pieces)
"""


def word(number: int) -> str:
    """The number-th word of the vocabulary."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = ""
    for _ in range(4):
        found, number = letters[number % 26] + found, number // 26
    return f"w{found}"


def sentences(count: int) -> Iterator[str]:
    """Texts of words by Zipf's law."""
    random = Random(11)
    weights = list(accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    for _ in range(count):
        yield " ".join(word(bisect(weights, random.random() * weights[-1])) for _ in range(WORDS))


async def grow(connection: Connection, texts: int) -> None:
    """Fill the live builds' tables."""
    schemas = {}
    async with connection.transaction():
        for name in ("search", "requests", "conversations"):
            schemas[name] = (await builds.ensure_live(connection, projection(name))).schema
    distinct = min(texts, DISTINCT)
    made = list(sentences(distinct))
    await connection.execute(MAKE_TEXTS)
    await connection.execute(PUT_TEXTS, list(range(distinct)), made, list(map(as_vector, made)))
    words = {**schemas, "texts": texts, "distinct": distinct, "each": A_CONVERSATION, "models": MODELS}
    words["at"] = AT.format(last=LAST.isoformat(), texts=texts)
    for statement in (PIECES, PLACES, REQUESTS, LINKS):
        await connection.execute(statement.format(**words), timeout=3600)
    await connection.execute("VACUUM ANALYZE", timeout=3600)


def questions(texts: int) -> Iterator[tuple[str, SearchQuery]]:
    """What somebody may look for, from what was said once to what is said everywhere."""
    rare, often, everywhere = word(20_000), word(300), word(3)
    yield "said once", SearchQuery(f"only{texts // 2}")
    yield "said nowhere", SearchQuery("neversaid")
    yield "a rare word", SearchQuery(rare)
    yield "a word in 1 of 60 texts", SearchQuery(often)
    yield "two of these", SearchQuery(f"{often} {word(301)}")
    yield "a word everywhere", SearchQuery(everywhere)
    yield "the same, newest first", SearchQuery(everywhere, order="newest")
    yield "a phrase of words that are everywhere", SearchQuery(f'"{word(3)} {word(5)} {word(8)}"')
    yield "words that begin so", SearchQuery(f"{rare[:4]}*")
    month = SearchFilter(since=LAST.replace(month=10), until=LAST, model=MODELS[0])
    yield "a word everywhere, a month, a model", SearchQuery(everywhere, month)
    yield "a word everywhere, a tool that failed", SearchQuery(everywhere, SearchFilter(is_error=True, tool="Bash"))


async def report(dsn: str, texts: int) -> None:
    await migrated(dsn)
    async with opened(dsn, "nexus-bench") as pool:
        async with pool.acquire() as connection:
            if not await builds.live(connection, "search"):
                await grow(connection, texts)
            schema = (await builds.live_state(connection, "search")).build.schema  # type: ignore[union-attr]
            size, said = await connection.fetchrow(SIZES.format(schema))  # type: ignore[misc]
            print(f"{texts:,} texts, {said / 1e6:,.0f} MB said, {size / 1e6:,.0f} MB in tables and indexes")
        await ask(pool, texts)


async def ask(pool: Pool, texts: int) -> None:
    store = DataStore(partial(borrowed, pool, 30.0), PostgresEventLog(pool), PostgresPayloads(pool))
    print(f"{'what is searched for':<44}{'found':>8}{'ms':>10}")
    for what, query in questions(texts):
        times, found = list[float](), 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            found = (await store.search(query)).total
            times.append((time.perf_counter() - began) * 1000)
        late = "" if statistics.median(times) < LIMIT_MS else "   above the goal"
        print(f"{what:<44}{found:>8,}{statistics.median(times):>10.1f}{late}", flush=True)


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args(arguments)
    with server_in(words.keep) as server:
        await report(server.dsn_of("postgres"), words.texts)


if __name__ == "__main__":
    asyncio.run(main())
