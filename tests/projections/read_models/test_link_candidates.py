"""The look-ups find what a search through all facts finds, and who is not asked again has the answer already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.answer_facts import OPEN
from domain.corrections import Standing
from domain.exchange_facts import ExchangeFacts
from domain.linking import link
from domain.linking_facts import Found
from domain.links import Link
from domain.phrases import CONTINUATION
from ops.db.pool import Pool
from projections.read_models import builds, link_candidates, link_facts
from projections.read_models.connection import Connection
from projections.registry import projection
from tests.invented import Invented, corrections, forests
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.searched import Search

CONVERSATIONS = projection("conversations")
EMPTY = "TRUNCATE exchanges, nodes, texts, tasks, mentions, corrections, links, conversations"
Arrival = ExchangeFacts | Standing
slowly = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


async def entered(tx: Connection) -> None:
    await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
    await tx.execute(EMPTY)


async def save(tx: Connection, arrivals: Sequence[Arrival]) -> set[UUID]:
    """As the projector does it; returns who is touched."""
    touched = await link_facts.save_corrections(tx, [one for one in arrivals if isinstance(one, Standing)])
    facts = [one for one in arrivals if isinstance(one, ExchangeFacts)]
    return touched | await link_facts.save(tx, facts, ["here"] * len(facts))


async def links(tx: Connection, request_ids: set[UUID]) -> dict[UUID, Link]:
    asked = await link_candidates.questions(tx, request_ids)
    return {one.subject.moment.request_id: link(one.subject, one.found) for one in asked}


def in_order(found: Found) -> Found:
    return replace(
        found,
        attempts=sorted(found.attempts, key=lambda one: one.moment),
        holders=sorted(found.holders, key=lambda one: one.moment),
        askers=sorted(found.askers, key=lambda one: one.moment),
        strangers=sorted(found.strangers, key=lambda one: one.moment),
        cut_strangers=sorted(found.cut_strangers, key=lambda one: one.moment),
        donors=sorted(found.donors, key=lambda one: one.moment),
        authors=list(found.authors),
        tasks=list(found.tasks),
        rivals=sorted(found.rivals, key=lambda one: one.moment),
        summaries=sorted(found.summaries, key=lambda one: (one.moment, one.same_session)),
    )


TOGETHER = (
    Invented(number=2, path="a", answer="b"),
    Invented(number=4, path="ab", state="failed"),
    Invented(number=6, path="aba", history=True, held_depth=2),
)
"""An answer that ends where another request ends: both are held."""
AUTHORS = (
    Invented(number=2, path="x", tool_uses=("t1",)),
    Invented(number=4, path="y", content="x"),
    Invented(number=6, path="ab", history=True, held_depth=1, held_content="x", held_tool_uses=("t1",)),
)
"""A call tells more of who gave an answer than an equal answer that is newer."""
FORK = (
    Invented(number=2, path="a", answer="b", session="s2"),
    Invented(number=4, path="x"),
    Invented(number=6, path="aba", history=True, held_depth=2),
)
"""Not the first request of its session, but the first that bears a history."""

SIGNED = (
    Invented(number=2, path="a", answer="b", session="s2", signed="s"),
    Invented(number=4, path="a", answer="b", session="s2", signed="S"),
    Invented(number=6, path="aba", history=True, held_depth=2, held_signed="s"),
)
"""Of two equal histories of another session one is signed as the request holds it."""
LAST_ANSWER = (
    Invented(number=2, path="x", content="y"),
    Invented(number=6, path="ab", history=True, held_depth=1, held_content="x", held_last_content="y"),
)
"""Only its last message is an answer that is known."""
CUT_ELSEWHERE = (
    Invented(number=2, path="ab", session="s2", state="cut", cut_text="abc"),
    Invented(number=4, path="ab", session="s2", state="failed"),
    Invented(number=6, path="abb", history=True, held_depth=3),
)
"""Of another session's answers only the one that was cut can be held in part."""
GIVEN = (
    Invented(number=2, path="a", answer="b"),
    Invented(number=4, path="ab", answer="a", agent="a2"),
    Invented(number=6, path="abab", agent="a1", kind="subagent", history=True, held_depth=2),
)
"""An agent's first request holds the histories of two other threads; the deeper one is nearer."""
GOING_ON = (GIVEN[0], replace(GIVEN[1], agent="a1"), GIVEN[2])
"""Not an agent's first request."""
CUT_CALL = (
    Invented(number=2, tasks=(("t1", "p"),), state="cut"),
    Invented(number=4, tasks=(("t2", "p"),), state="open"),
    Invented(number=6, agent="a1", kind="subagent", prompt="p", path="x"),
)
"""Of two calls one came in an answer that was cut."""
HANDED_OVER = (
    Invented(number=2, session="s2", kind="compaction", path="x", summary="kept" * 20),
    Invented(number=3, session="s2", kind="compaction", path="x", summary="kept" * 20),
    Invented(number=4, session="s2", kind="compaction", path="x", summary="kept"),
    Invented(number=6, continuation=f"{CONTINUATION}: {'kept' * 20}"),
    Invented(number=8, continuation=f"{CONTINUATION}: {'kept' * 20}"),
)
"""Of another session's summaries the newest that is long enough, and only for what opens a session."""
STRANGE = (TOGETHER, AUTHORS, FORK, SIGNED, LAST_ANSWER, CUT_ELSEWHERE, GIVEN, GOING_ON, CUT_CALL, HANDED_OVER)


@pytest.mark.parametrize("forest", STRANGE)
def test_look_ups_find_what_chance_seldom_brings_together(
    runner_pool: PoolRunner, forest: tuple[Invented, ...]
) -> None:
    facts = [one.facts for one in forest]
    runner_pool.run(lambda pool: look_up(pool, facts, facts, {}, len(facts)))


@slowly
@given(forests(), corrections(), st.integers(1, 9), st.randoms(use_true_random=False))
def test_look_ups_find_what_a_search_finds(
    runner_pool: PoolRunner,
    forest: tuple[Invented, ...],
    said: Mapping[UUID, Standing],
    batch: int,
    random: Random,
) -> None:
    """In any order of arrival and any batches."""
    facts = [one.facts for one in forest]
    arrivals: list[Arrival] = [*facts, *said.values()]
    random.shuffle(arrivals)

    runner_pool.run(lambda pool: look_up(pool, arrivals, facts, said, batch))


async def look_up(
    pool: Pool, arrivals: Sequence[Arrival], facts: Sequence[ExchangeFacts], said: Mapping[UUID, Standing], batch: int
) -> None:
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        for start in range(0, len(arrivals), batch):
            await save(tx, arrivals[start : start + batch])
        asked = await link_candidates.questions(tx, [one.request_id for one in facts])
    assert [one.subject.moment for one in asked] == sorted(one.moment for one in facts)
    got = {question.subject.moment.request_id: question for question in asked}
    for one in facts:
        question, search = got[one.request_id], Search(one, facts, said)
        assert question.class_evidence == one.classified.evidence
        assert question.subject == search.subject()
        assert in_order(question.found) == in_order(search.found())


@slowly
@given(forests(), corrections(), st.randoms(use_true_random=False))
def test_asking_only_who_is_touched_gives_the_links_of_asking_all(
    runner_pool: PoolRunner, forest: tuple[Invented, ...], said: Mapping[UUID, Standing], random: Random
) -> None:
    """One by one in any order, some before their answer is known; and the same as saving everything at once."""
    arrivals: list[Arrival] = [*(one.facts for one in forest), *said.values()]
    random.shuffle(arrivals)
    for number, one in reversed(list(enumerate(arrivals))):
        if isinstance(one, ExchangeFacts) and random.random() < 0.3:
            arrivals.insert(random.randrange(number + 1), replace(one, answer=OPEN))
    runner_pool.run(lambda pool: compare(pool, arrivals))


FIRST = Invented(number=9, agent="a1", kind="subagent", prompt="p", path="p")
CALLER = Invented(number=2, tasks=(("t1", "p"), ("t2", "p")))
SIDE_CALL = Invented(number=4, kind="alone", path="")
HANDED_ON = Invented(number=9, continuation=f"{CONTINUATION}: {'kept' * 20}")
LATE = {
    "the result that names a fork agent": [
        replace(FIRST, history=True, held_depth=1, held_tool_uses=("t1",)), CALLER,
        Invented(number=11, path="b", mentions=(("a1", "t1"),)),
    ],
    "a call in the answer of what is auxiliary": [FIRST, replace(SIDE_CALL, tasks=(("t1", "p"),))],
    "a rival that is auxiliary": [FIRST, CALLER, replace(SIDE_CALL, prompt="p")],
    "an author that is auxiliary": [
        Invented(number=9, path="ab", history=True, held_depth=1, held_content="x"), replace(SIDE_CALL, content="x")
    ],
    "another session's summary": [
        HANDED_ON, Invented(number=4, session="s2", kind="compaction", path="x", summary="kept" * 20)
    ],
    "another session's cut answer": [
        Invented(number=9, path="abb", history=True, held_depth=3),
        Invented(number=4, session="s2", path="ab", state="cut"),
    ],
    "who gave an agent its history": [
        replace(FIRST, path="aba", history=True, held_depth=2), Invented(number=4, path="a", answer="b")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_asking_only_who_is_touched_is_enough_when_it_comes_late(runner_pool: PoolRunner, name: str) -> None:
    runner_pool.run(lambda pool: compare(pool, [one.facts for one in LATE[name]]))


async def compare(pool: Pool, arrivals: Sequence[Arrival]) -> None:
    known = {one.request_id: one for one in arrivals if isinstance(one, ExchangeFacts)}
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        grown: dict[UUID, Link] = {}
        for one in arrivals:
            grown |= await links(tx, await save(tx, [one]))
        asked_again = await links(tx, set(known))
        await tx.execute(EMPTY)
        await save(tx, [*known.values(), *(one for one in arrivals if isinstance(one, Standing))])
        at_once = await links(tx, set(known))
    assert grown == asked_again
    assert asked_again == at_once
