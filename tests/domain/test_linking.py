"""Each rule of linking: what makes it hold, and what must not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import RequestClass
from domain.exchange_facts import AnswerState, Moment, Thread
from domain.linking import CONFIDENCE, Child, Earlier, Edge, Found, PendingTask, Subject, Summary, branch_edges, link

T0 = datetime(2026, 11, 22, tzinfo=UTC)
MAIN, AGENT = Thread("s", None), Thread("s", "a1")
STATES: list[AnswerState] = ["open", "finished", "refused", "cut", "failed"]


def at(second: int, number: int | None = None) -> Moment:
    return Moment(T0 + timedelta(seconds=second), UUID(int=second if number is None else number))


def subject(
    second: int = 100, thread: Thread = MAIN, request_class: RequestClass = "main", *, side: bool = False,
    history: bool = True, continuation: str = "",
) -> Subject:  # fmt: skip
    return Subject(at(second), thread, request_class, side, history, 10, continuation)


def earlier(second: int, state: AnswerState = "finished", depth: int = 0, thread: Thread = MAIN) -> Earlier:
    return Earlier(at(second), thread, state, depth)


states = st.sampled_from(STATES)
seconds = st.integers(1, 199).filter(lambda second: second != 100)
threads = st.sampled_from([MAIN, AGENT, Thread(None, None)])
attempts = st.builds(earlier, seconds, states, st.just(0), threads)


def parent(second: int) -> UUID:
    return at(second).request_id


@given(st.lists(attempts, max_size=8, unique_by=lambda one: one.moment))
def test_a_retry_goes_to_the_first_attempt_of_its_turn(found: list[Earlier]) -> None:
    """Oracle: walk the thread's attempts in order; a finished one ends a turn."""
    turn: list[Earlier] = []
    for one in sorted(found, key=lambda each: each.moment):
        if one.thread != MAIN or one.moment > subject().moment:
            continue
        turn = [one] if turn and turn[-1].state == "finished" else [*turn, one]
    expected = turn[0].moment.request_id if turn and turn[-1].state not in {"finished", "open"} else None
    decided = link(subject(history=False), Found(attempts=found))
    assert (decided.parent if decided.edge == "retries" else None) == expected


@pytest.mark.parametrize("state", ["refused", "cut", "failed"])
def test_a_retry_is_asked_for_before_a_continuation(state: AnswerState) -> None:
    decided = link(subject(), Found(attempts=[earlier(50, state)], holders=[earlier(40, depth=8)]))
    assert (decided.edge, decided.parent) == ("retries", parent(50))


@given(
    st.lists(st.builds(earlier, seconds, states, st.integers(1, 10), threads), max_size=8, unique_by=lambda h: h.moment)
)
def test_a_request_continues_the_deepest_exchange_of_its_thread(found: list[Earlier]) -> None:
    usable = [one for one in found if one.thread == MAIN and one.moment < subject().moment]
    decided = link(subject(), Found(holders=found))
    if not usable:
        assert (decided.edge, decided.parent) == ("root", None)
        return
    deepest = max(one.depth for one in usable)
    chosen = next(one for one in usable if one.moment.request_id == decided.parent)
    assert chosen.depth == deepest
    rivals = [one for one in usable if one.depth == deepest]
    if any(one.state == "finished" for one in rivals):
        assert chosen.state == "finished"
    same = [one for one in rivals if (one.state == "finished") == (chosen.state == "finished")]
    assert chosen.moment == max(one.moment for one in same)
    assert decided.edge == ("continues" if chosen.state in {"finished", "refused"} else "interrupted")


@pytest.mark.parametrize(
    ("request_class", "side", "edge"),
    [("main", False, "continues"), ("subagent", False, "continues"), ("compaction", True, "compacts"),
     ("compaction", False, "compacts"), ("auxiliary", True, "aside"), ("auxiliary", False, "none")],
)  # fmt: skip
def test_the_class_names_the_edge(request_class: RequestClass, side: bool, edge: Edge) -> None:
    found = Found(holders=[earlier(50, depth=3)])
    assert link(subject(request_class=request_class, side=side), found).edge == edge


def test_a_continuation_resumes_from_the_summary_it_hands_on() -> None:
    found = [Summary(at(10), "first part"), Summary(at(20), "first part and more"), Summary(at(30), "elsewhere")]
    decided = link(subject(continuation="This session … first part and more …"), Found(summaries=found))
    assert (decided.edge, decided.parent) == ("resumes", parent(20))
    assert decided.confidence == 1.0


@pytest.mark.parametrize("summary", [Summary(at(150), "kept"), Summary(at(50), "other words")])
def test_a_later_or_another_summary_is_not_resumed(summary: Summary) -> None:
    assert link(subject(continuation="… kept …"), Found(summaries=[summary])).edge == "root"


def test_what_holds_our_answer_continues_rather_than_resumes() -> None:
    found = Found(holders=[earlier(60, depth=4)], summaries=[Summary(at(50), "kept")])
    assert link(subject(continuation="… kept …"), found).edge == "continues"


def task(second: int, name: str, agent: str | None = None) -> PendingTask:
    return PendingTask(at(second), name, agent)


FIRST = subject(thread=AGENT, request_class="subagent", history=False)


def test_the_agent_id_in_a_result_names_the_task() -> None:
    decided = link(FIRST, Found(tasks=[task(10, "t1"), task(20, "t2", "a1"), task(30, "t3", "a2")]))
    assert (decided.edge, decided.parent, decided.tool_use_id) == ("spawned", parent(20), "t2")
    assert (decided.evidence[0].kind, decided.confidence) == ("agent id", 1.0)


def test_one_task_with_the_prompt_is_enough() -> None:
    decided = link(FIRST, Found(tasks=[task(10, "t1")]))
    assert (decided.parent, decided.evidence[0].kind) == (parent(10), "task prompt")


@pytest.mark.parametrize(("rivals", "expected"), [(0, "t1"), (1, "t2"), (2, "t3"), (3, "t3")])
def test_equal_prompts_are_told_apart_by_order(rivals: int, expected: str) -> None:
    others = [earlier(50 + n, thread=Thread("s", f"b{n}")) for n in range(rivals)]
    late = [earlier(150, thread=Thread("s", "b9"))]
    decided = link(FIRST, Found(tasks=[task(10, "t1"), task(10, "t2"), task(20, "t3")], rivals=[*others, *late]))
    assert decided.tool_use_id == expected
    assert decided.confidence < CONFIDENCE["task prompt"]


def test_tasks_of_agents_that_are_known_and_those_agents_do_not_count() -> None:
    found = Found(
        tasks=[task(10, "t1", "b1"), task(10, "t2"), task(10, "t3")], rivals=[earlier(50, thread=Thread("s", "b1"))]
    )
    assert link(FIRST, found).tool_use_id == "t2"


def test_no_task_starts_before_it_is_known() -> None:
    assert link(FIRST, Found(tasks=[task(150, "t1"), task(160, "t2", "a1")])).edge == "root"
    assert link(FIRST, Found(tasks=[task(10, "t1", "b1")])).edge == "root"


@pytest.mark.parametrize("one", [replace(FIRST, history=True), replace(FIRST, request_class="compaction")])
def test_only_a_first_request_is_spawned(one: Subject) -> None:
    assert link(one, Found(tasks=[task(10, "t1")])).edge == "root"


def test_an_old_client_s_sub_task_has_no_agent_header() -> None:
    decided = link(subject(history=False), Found(tasks=[task(10, "t1"), task(20, "t2", "a7")]))
    assert (decided.edge, decided.tool_use_id) == ("spawned", "t1")


def test_what_is_auxiliary_has_no_edge() -> None:
    found = Found(attempts=[earlier(1, "failed")], holders=[earlier(2, depth=5)], tasks=[task(3, "t")])
    decided = link(subject(request_class="auxiliary"), found)
    assert (decided.edge, decided.parent, decided.confidence) == ("none", None, 1.0)


def test_an_aside_whose_history_is_not_known_has_no_edge() -> None:
    assert link(subject(request_class="auxiliary", side=True), Found()).edge == "none"


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (subject(history=False), "no earlier exchange"),
        (subject(), "no parent found"),
        (FIRST, "no parent found"),
    ],
)
def test_a_root_says_whether_something_is_missing_before_it(one: Subject, kind: str) -> None:
    decided = link(one, Found())
    assert (decided.edge, decided.parent, decided.evidence[0].kind) == ("root", None, kind)
    assert decided.confidence == CONFIDENCE[kind]


children = st.builds(
    Child, st.builds(at, seconds), st.sampled_from(["continues", "interrupted", "retries", "spawned", "aside"])
)


@given(st.lists(children, max_size=8, unique_by=lambda child: child.moment), st.randoms(use_true_random=False))
def test_the_first_continuation_goes_on_and_the_others_branch(family: list[Child], random: object) -> None:
    shuffled = list(family)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    edges = branch_edges(shuffled)
    going = sorted((one for one in family if one.edge in {"continues", "interrupted"}), key=lambda one: one.moment)
    assert edges == {one.moment.request_id: "branches" if n else one.edge for n, one in enumerate(going)}
