"""Requests to be linked and what was found for them, in few words: second 100 asks, whatever is below came earlier."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.answer_facts import AnswerState
from domain.classification import RequestClass
from domain.exchange_facts import Moment, Thread
from domain.held_answers import HeldAnswer, print_of
from domain.linking_facts import Author, Earlier, Found, PendingTask, Subject, Summary
from domain.phrases import CONTINUATION

T0 = datetime(2026, 11, 22, tzinfo=UTC)
NOW = 100
MAIN, AGENT, OTHER_AGENT, NOWHERE = Thread("s", None), Thread("s", "a1"), Thread("s", "a2"), Thread(None, None)
ELSEWHERE = Thread("other", None)
STATES: list[AnswerState] = ["open", "finished", "refused", "cut", "failed"]
CLASSES: list[RequestClass] = ["main", "subagent", "compaction", "auxiliary"]


def at(second: int) -> Moment:
    return Moment(T0 + timedelta(seconds=second), UUID(int=second))


def parent(second: int) -> UUID:
    return at(second).request_id


def subject(second: int = NOW, **changes: Any) -> Subject:
    """One of the main thread that holds an answer of ten blocks' depth."""
    plain = Subject(moment=at(second), thread=MAIN, request_class="main", history=True, depth=10, held=held(9))
    return replace(plain, **changes)


def first(**changes: Any) -> Subject:
    """The first request of a sub-agent."""
    plain = {"thread": AGENT, "request_class": "subagent", "history": False, "held": HeldAnswer()}
    return subject(**{**plain, **changes})


def held(depth: int, before_depth: int = 8, text: str = "", *tool_uses: str) -> HeldAnswer:
    return HeldAnswer(before=b"", before_depth=before_depth, depth=depth, text=print_of(text), tool_uses=tool_uses)


def earlier(
    second: int, state: AnswerState = "finished", depth: int = 0, thread: Thread = MAIN, **changes: Any
) -> Earlier:
    return replace(Earlier(at(second), thread, state, depth), **changes)


def task(second: int, tool_use_id: str, agent: str | None = None, *, ran: bool = True) -> PendingTask:
    return PendingTask(at(second), tool_use_id, agent, ran=ran)


seconds = st.integers(1, 199).filter(lambda second: second != NOW)
"""Before and after the request that asks."""
states = st.sampled_from(STATES)
threads = st.sampled_from([MAIN, MAIN, AGENT, ELSEWHERE, NOWHERE])
helds = st.builds(held, st.integers(0, 10), st.integers(0, 9), st.sampled_from(["", "a", "ab"]))
subjects = st.builds(
    subject,
    thread=st.sampled_from([MAIN, AGENT, NOWHERE]),
    request_class=st.sampled_from(CLASSES),
    side=st.booleans(),
    helper=st.booleans(),
    history=st.booleans(),
    held=helds,
    opening=st.sampled_from(["", "kept"]),
    continuation=st.sampled_from(["", f"{CONTINUATION}: kept"]),
)
candidates = st.builds(
    earlier,
    seconds,
    states,
    st.integers(0, 10),
    threads,
    empty=st.booleans(),
    cut_text=st.sampled_from(["", "abc"]),
    same_device=st.booleans(),
    same_signatures=st.booleans(),
)
families = st.lists(candidates, max_size=6, unique_by=lambda one: one.moment)
tasks = st.builds(
    task, seconds, st.sampled_from(["t1", "t2", "t3"]), st.sampled_from([None, None, "a1", "a2"]), ran=st.booleans()
)
summaries = st.builds(
    Summary,
    st.builds(at, seconds),
    st.sampled_from(["kept", "other"]),
    st.sampled_from([None, "a1"]),
    same_session=st.booleans(),
)
authors = st.builds(Author, st.builds(at, seconds), st.sampled_from(["tool use id", "equal answer"]))
finds = st.builds(
    Found,
    attempts=families,
    holders=families,
    askers=families,
    strangers=families,
    cut_strangers=families,
    donors=families,
    authors=st.lists(authors, max_size=2),
    tasks=st.lists(tasks, max_size=4),
    rivals=families,
    summaries=st.lists(summaries, max_size=3),
    newest=st.none() | st.builds(at, seconds),
)
