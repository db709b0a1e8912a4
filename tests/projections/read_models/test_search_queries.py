"""A search finds what a plain look at every text finds, with every filter, in order, once a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from domain.said import Kind, Said
from domain.search_hits import Hits, SearchFilter
from domain.search_query import InvalidSearchError, Search, as_tsquery, holds, read_search
from domain.search_words import as_vector
from ops.db.pool import Pool
from projections.read_models import builds, links, requests, search, search_queries
from projections.read_models.connection import Connection
from projections.read_models.search import PlaceRow, said_id
from projections.registry import projection
from tests.stored_rows import ACCOUNTS, CLASSES, MODELS, PROJECTS, SESSIONS, START, link_row, make_live, request_row

WORDS = (
    "alpha",
    "beta",
    "HttpServer",
    "httpserver",
    "src/app.py",
    "app",
    "naïve",
    "日本語",
    "語",
    "tool_use",
    "x",
    "it's",
)
TYPED = (
    "alpha", "alpha beta", '"alpha beta"', "HttpServer", "httpserver", "server", "app.py", "ap*", "naive", "日本", "語",
    "alpha OR beta x", "alpha -beta", '-"x alpha" alpha', "tool_use", "it's", "HttpS*", '"x',
)  # fmt: skip
KINDS: tuple[Kind, ...] = ("text", "thinking", "tool_input", "tool_result")


def text(random: Random) -> str:
    return " ".join(random.choice(WORDS) for _ in range(random.randint(1, 6)))


async def test_postgres_and_we_agree_on_what_a_text_holds(pool: Pool) -> None:
    random = Random(4)
    cases = [(read_search(random.choice(TYPED)), text(random)) for _ in range(3_000)]
    asked = [(as_vector(said), as_tsquery(wanted)) for wanted, said in cases]
    found = await pool.fetch(
        "SELECT v::tsvector @@ q::tsquery AS holds FROM unnest($1::text[], $2::text[]) WITH ORDINALITY a (v, q, n) "
        "ORDER BY n",
        *map(list, zip(*asked, strict=True)),
    )
    assert [row["holds"] for row in found] == [holds(wanted, said) for wanted, said in cases]
    assert 200 < sum(row["holds"] for row in found) < 2_800


async def test_postgres_takes_whatever_is_typed(pool: Pool) -> None:
    random = Random(5)
    letters = list("ab'\\:*&|!<->()\" \t-_%$é½日\U0001f600\x7f")
    typed = ["".join(random.choices(letters, k=random.randint(1, 12))) for _ in range(3_000)]
    queries = []
    for one in typed:
        try:
            queries.append(as_tsquery(read_search(one)))
        except InvalidSearchError:
            continue
    assert len(queries) > 1_000
    vectors = [as_vector(one) for one in typed]
    await pool.fetch("SELECT q::tsquery FROM unnest($1::text[]) q", queries)
    await pool.fetch("SELECT v::tsvector FROM unnest($1::text[]) v", vectors)


@dataclass(frozen=True)
class Told:
    """A place with everything that filters ask about."""

    number: int
    words: Said
    place: PlaceRow
    conversation: UUID
    request_class: str
    model: str | None
    project: str | None
    account: str | None
    session: str | None

    @property
    def kind(self) -> str:
        if self.words.kind != "text":
            return self.words.kind
        return "answer" if self.place.role == "assistant" else "prompt"


def told(random: Random) -> list[Told]:
    found = []
    texts = [Said(random.choice(KINDS), text(random), random.random() < 0.2) for _ in range(12)]
    for number in range(1, 40):
        words = random.choice(texts)
        at = START + timedelta(minutes=random.randint(0, 30))
        place = PlaceRow(
            thread=UUID(int=number),
            said=said_id("tenant", words.digest),
            received_at=at,
            request_id=UUID(int=number),
            in_answer=random.random() < 0.5,
            place=random.randint(0, 9),
            role=random.choice(["user", "assistant"]),
            tool_name=random.choice(["", "Bash", "Read"]),
            aside=random.random() < 0.2,
        )
        conversation, agent = UUID(int=random.randint(1, 6)), random.choice(CLASSES)
        named = [random.choice(each) for each in (MODELS, PROJECTS, ACCOUNTS, SESSIONS)]
        found.append(Told(number, words, place, conversation, agent, *named))
    return found


async def put(tx: Connection, rows: Sequence[Told]) -> None:
    await builds.enter(tx, await builds.ensure_live(tx, projection("search")))
    await search.save_places(tx, [one.place for one in rows])
    texts = {one.place.said: one.words for one in rows}
    await search.save_pieces(tx, [(said, "tenant", words) for said, words in texts.items()])
    made = [
        request_row(
            one.number,
            received_at=one.place.received_at,
            model=one.model,
            project=one.project,
            account=one.account,
            session_id=one.session,
        )
        for one in rows
    ]
    await builds.enter(tx, await builds.ensure_live(tx, projection("requests")))
    await requests.replace(tx, made)
    await builds.enter(tx, await builds.ensure_live(tx, projection("conversations")))
    linked = [
        link_row(row, conversation_id=one.conversation, request_class=one.request_class)
        for row, one in zip(made, rows, strict=True)
    ]
    await links.replace(tx, linked)


def is_wanted(one: Told, wanted: SearchFilter, rows: Sequence[Told]) -> bool:
    member = next((each.conversation for each in rows if each.place.request_id == wanted.conversation), None)
    at = one.place.received_at
    return all(
        (
            wanted.kind in {None, one.kind},
            wanted.is_error in {None, one.words.is_error},
            wanted.tool in {None, one.place.tool_name},
            wanted.since is None or at >= wanted.since,
            wanted.until is None or at < wanted.until,
            wanted.aside or not one.place.aside,
            wanted.model in {None, one.model},
            wanted.project in {None, one.project},
            wanted.account in {None, one.account},
            wanted.session in {None, one.session},
            wanted.conversation is None or one.conversation == member,
            wanted.requests is None or one.place.request_id in wanted.requests,
            wanted.request_class in {None, one.request_class},
        )
    )


def some_filter(random: Random) -> SearchFilter:
    def maybe(values: Sequence[object]) -> object:
        return random.choice([value for value in values if value is not None]) if random.random() < 0.15 else None

    return SearchFilter(
        kind=maybe(("prompt", "answer", "thinking", "tool_input", "tool_result")),  # type: ignore[arg-type]
        is_error=maybe((True, False)),  # type: ignore[arg-type]
        tool=maybe(("Bash", "Read")),  # type: ignore[arg-type]
        since=maybe([START + timedelta(minutes=10)]),  # type: ignore[arg-type]
        until=maybe([START + timedelta(minutes=20)]),  # type: ignore[arg-type]
        aside=random.random() < 0.5,
        model=maybe(MODELS),  # type: ignore[arg-type]
        project=maybe(PROJECTS),  # type: ignore[arg-type]
        account=maybe(ACCOUNTS),  # type: ignore[arg-type]
        session=maybe(SESSIONS),  # type: ignore[arg-type]
        conversation=maybe([UUID(int=number) for number in range(1, 50)]),  # type: ignore[arg-type]
        requests=maybe([tuple(UUID(int=number) for number in range(start, 60, 2)) for start in (1, 2, 30)]),  # type: ignore[arg-type]
        request_class=maybe(CLASSES),  # type: ignore[arg-type]
    )


def plainly(rows: Sequence[Told], wanted: SearchFilter, words: Search, most: int) -> tuple[list[Told], bool]:
    """Of the newest places; of a conversation that has a text several times, the first. And whether there are more."""
    fitting = [one for one in rows if is_wanted(one, wanted, rows) and holds(words, one.words.text)]
    looked_at = sorted(fitting, key=moment, reverse=True)[:most]
    first: dict[tuple[UUID, UUID], Told] = {}
    for one in reversed(looked_at):
        first.setdefault((one.conversation, one.place.said), one)
    return sorted(first.values(), key=moment, reverse=True), len(fitting) > most


def moment(one: Told) -> tuple[datetime, UUID]:
    return one.place.received_at, one.place.request_id


def numbers(found: Hits) -> list[int]:
    return [hit.request_id.int for hit in found.items]


@pytest.mark.parametrize("seed", range(6))
async def test_hits_are_those_of_a_plain_look(pool: Pool, seed: int) -> None:
    random = Random(seed)
    await make_live(pool)
    rows, seen = told(random), 0
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await put(connection, rows)
        for _ in range(60):
            wanted, words = some_filter(random), read_search(random.choice(TYPED))
            query, most = as_tsquery(words), random.choice([3, 100])
            expected, more = plainly(rows, wanted, words, most)
            newest = await search_queries.hits(connection, query, wanted, most, (100, 0), best_first=False)
            assert numbers(newest) == [one.number for one in expected]
            assert (newest.total, newest.more) == (len(expected), more)
            best = await search_queries.hits(connection, query, wanted, most, (100, 0), best_first=True)
            assert sorted(numbers(best)) == sorted(numbers(newest))
            paged = [
                await search_queries.hits(connection, query, wanted, most, (2, at), best_first=True) for at in (0, 2)
            ]
            assert [*numbers(paged[0]), *numbers(paged[1])] == numbers(best)[:4]
            for hit, one in zip(newest.items, expected, strict=False):
                assert (hit.kind, hit.is_error, hit.content) == (one.kind, one.words.is_error, one.words.text)
                assert (hit.place, hit.in_answer, hit.tool_name) == (
                    one.place.place,
                    one.place.in_answer,
                    one.place.tool_name,
                )
                assert (hit.conversation_id, hit.request_class) == (one.conversation, one.request_class)
            seen += len(expected)
        await transaction.rollback()
    assert seen > 50


async def test_words_close_together_come_first(pool: Pool) -> None:
    await make_live(pool)
    near, far = Said("text", "alpha beta"), Said("text", "alpha " + "x " * 200 + "beta")
    rows = [
        Told(n, words, PlaceRow(
            thread=UUID(int=n), said=said_id("tenant", words.digest), received_at=START + timedelta(minutes=n),
            request_id=UUID(int=n), in_answer=False, place=0, role="user", tool_name="", aside=False,
        ), UUID(int=n), "main", None, None, None, None)
        for n, words in ((1, near), (2, far))
    ]  # fmt: skip
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await put(connection, rows)
        query = as_tsquery(read_search("alpha beta"))
        best = await search_queries.hits(connection, query, SearchFilter(), 9, (9, 0), best_first=True)
        newest = await search_queries.hits(connection, query, SearchFilter(), 9, (9, 0), best_first=False)
        await transaction.rollback()
    assert (numbers(best), numbers(newest)) == ([1, 2], [2, 1])


async def test_before_the_first_build_there_is_nothing(pool: Pool) -> None:
    async with pool.acquire() as connection:
        found = await search_queries.hits(connection, "'a'", SearchFilter(), 9, (9, 0), best_first=True)
    assert found == Hits((), 0)
