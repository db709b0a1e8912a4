"""The look-ups find what a search through all facts would find."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.blocks import AgentMention, Task
from domain.classification import Classified, Evidence
from domain.exchange_facts import AnswerFacts, ExchangeFacts, Moment, Thread
from domain.linking import Earlier, Found, PendingTask, Summary
from ops.db.pool import Pool
from projections.read_models import builds, link_candidates, link_facts
from projections.registry import projection
from tests.pool_runner import PoolRunner
from tests.projected import Store

T0 = datetime(2026, 11, 22, tzinfo=UTC)
CONVERSATIONS = projection("conversations")
EMPTY = "TRUNCATE exchanges, nodes, tasks, mentions, links, conversations"


def node(path: str) -> bytes:
    """A node of a little trie: the letters that lead to it."""
    return path.encode().ljust(16, b".")


@dataclass(frozen=True)
class Invented:
    """An exchange in few letters, so that much of it is equal to much of others."""

    number: int
    session: str | None
    agent: str | None
    path: str
    answer: str
    history: bool
    prompt: str
    tasks: tuple[tuple[str, str], ...]
    """(tool use id, prompt)."""
    mentions: tuple[tuple[str, str], ...]
    """(agent, tool use id)."""
    state: str
    summary: str
    continuation: str

    @property
    def facts(self) -> ExchangeFacts:
        nodes = tuple(node(self.path[: n + 1]) for n in range(len(self.path)))
        ahead = self.path + self.answer
        answered = tuple(node(ahead[: n + 1]) for n in range(len(self.path), len(ahead)))
        tasks = tuple(Task(name, node(prompt), "t", "d") for name, prompt in self.tasks)
        return ExchangeFacts(
            moment=Moment(T0 + timedelta(seconds=self.number // 2), UUID(int=self.number)),
            scope="scope",
            thread=Thread(self.session, self.agent),
            parent_agent=None,
            device=None,
            classified=Classified("main", Evidence("kind", "detail")),
            path=nodes,
            history=self.history,
            prompt=node(self.prompt) if self.prompt else None,
            title="title",
            asked="",
            continuation=self.continuation,
            mentions=tuple(AgentMention(agent, name) for agent, name in self.mentions),
            answer=AnswerFacts(self.state, answered, tasks, self.summary),  # type: ignore[arg-type]  # a word of the list
        )


letters = st.text("ab", min_size=1, max_size=5)
tools = st.sampled_from(["t1", "t2", "t3"])
prompts = st.sampled_from(["", "p", "q"])


def invented(number: int) -> st.SearchStrategy[Invented]:
    return st.builds(
        Invented,
        st.just(number),
        st.sampled_from([None, "s1", "s1", "s2"]),
        st.sampled_from([None, None, "a1", "a2"]),
        letters,
        st.text("ab", max_size=2),
        st.booleans(),
        prompts,
        st.lists(st.tuples(tools, prompts.filter(bool)), max_size=2).map(tuple),
        st.lists(st.tuples(st.sampled_from(["a1", "a2"]), tools), max_size=2).map(tuple),
        st.sampled_from(["finished", "failed", "open"]),
        st.sampled_from(["", "", "kept"]),
        st.sampled_from(["", "", "This session …"]),
    )


forests = st.integers(1, 9).flatmap(lambda count: st.tuples(*(invented(n) for n in range(1, count + 1))))


def searched(one: ExchangeFacts, all_facts: list[ExchangeFacts]) -> Found:
    """The same by looking at everything."""
    before = sorted((other for other in all_facts if other.moment < one.moment), key=lambda other: other.moment)
    mine = [other for other in before if other.thread == one.thread]
    ends = {other.answer_node for other in mine} - {None}
    depth = max((n + 1 for n, at in enumerate(one.path) if at in ends), default=0)
    session = [other for other in all_facts if other.thread.session == one.thread.session is not None]
    named: dict[str, str] = {}
    for agent, name in sorted((m.agent, m.tool_use_id) for other in session for m in other.mentions):
        named.setdefault(name, agent)
    said = {m.tool_use_id for other in session for m in other.mentions if m.agent == one.thread.agent}
    tasks = [
        PendingTask(other.moment, task.tool_use_id, named.get(task.tool_use_id))
        for other in sorted(session, key=lambda each: each.moment)
        for task in other.answer.tasks
        if not one.history and (task.prompt == one.prompt or task.tool_use_id in said)
    ]
    asked = any(task.prompt == one.prompt for other in session for task in other.answer.tasks)
    rivals = [
        other
        for other in before
        if asked and not one.history and not other.history and other.prompt == one.prompt and other in session
        and (other.thread.agent != one.thread.agent or other.thread.agent is None)
    ]  # fmt: skip
    return Found(
        attempts=[earlier(other, 0) for other in mine if other.request_node == one.request_node],
        holders=[earlier(other, depth) for other in mine if depth and other.answer_node == one.path[depth - 1]],
        tasks=tasks,
        rivals=[earlier(other, 0) for other in rivals],
        summaries=[
            Summary(o.moment, o.answer.summary)
            for o in before
            if o in session and o.answer.summary and one.continuation
        ],
    )


def earlier(facts: ExchangeFacts, depth: int) -> Earlier:
    return Earlier(facts.moment, facts.thread, facts.answer.state, depth)


def in_order(found: Found) -> Found:
    return Found(
        attempts=sorted(found.attempts, key=lambda one: one.moment),
        holders=sorted(found.holders, key=lambda one: one.moment),
        tasks=list(found.tasks),
        rivals=sorted(found.rivals, key=lambda one: one.moment),
        summaries=sorted(found.summaries, key=lambda one: one.moment),
    )


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(forests, st.integers(1, 9), st.randoms(use_true_random=False))
def test_look_ups_find_what_a_search_finds(
    runner_pool: PoolRunner, forest: tuple[Invented, ...], batch: int, random: object
) -> None:
    """In any order of arrival and any batches, also when facts come again."""
    facts = [one.facts for one in forest]
    arrivals = list(facts)
    random.shuffle(arrivals)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random

    async def work(pool: Pool) -> None:
        store = Store.over(pool)
        async with store.sources.transactions() as tx:
            await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
            await tx.execute(EMPTY)
            for start in range(0, len(arrivals), batch):
                await link_facts.save(
                    tx, arrivals[start : start + batch], ["here"] * len(arrivals[start : start + batch])
                )
            asked = await link_candidates.questions(tx, [one.request_id for one in facts])
        got = {question.subject.moment.request_id: question for question in asked}
        assert set(got) == {one.request_id for one in facts}
        for one in facts:
            question = got[one.request_id]
            assert question.class_evidence == one.classified.evidence
            assert (question.subject.moment, question.subject.depth) == (one.moment, len(one.path))
            assert in_order(question.found) == in_order(searched(one, facts))

    runner_pool.run(work)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(forests, st.randoms(use_true_random=False))
def test_whoever_is_not_touched_has_the_same_answer(
    runner_pool: PoolRunner, forest: tuple[Invented, ...], random: object
) -> None:
    """``save`` may name too many, never too few: for the others nothing that is found has changed."""
    facts = [one.facts for one in forest]
    arrivals = list(facts)
    random.shuffle(arrivals)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random

    async def work(pool: Pool) -> None:
        store = Store.over(pool)
        async with store.sources.transactions() as tx:
            await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
            await tx.execute(EMPTY)
            before: dict[UUID, Found] = {}
            for number, new in enumerate(arrivals):
                touched = await link_facts.save(tx, [new], ["here"])
                known = [one.request_id for one in arrivals[: number + 1]]
                asked = await link_candidates.questions(tx, known)
                found = {each.subject.moment.request_id: in_order(each.found) for each in asked}
                for one in set(before) - touched:
                    assert usable(found[one]) == usable(before[one])
                before = found

    runner_pool.run(work)


def usable(found: Found) -> object:
    """What of it a decision can rest on: agents count, and the order."""
    return (found.attempts, found.holders, found.tasks, found.rivals, found.summaries)
