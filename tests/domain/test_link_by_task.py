"""A sub-task is known by its agent, then by its own call in what it was given, then by its prompt and its turn."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer_facts import AnswerState
from domain.exchange_facts import Thread
from domain.link_by_task import spawned
from domain.linking_facts import Earlier, Found, PendingTask, Subject
from domain.links import Link
from tests.linkables import NOW, STATES, at, earlier, first, held, parent, subject, task, tasks

agents = st.sampled_from([None, "a1", "a2", "a3"])
rivals = st.builds(
    earlier,
    st.integers(1, 120).filter(lambda second: second != NOW),
    st.sampled_from(STATES),
    st.just(0),
    st.builds(Thread, st.just("s"), st.sampled_from([None, "a2", "a3", "a4"])),
)
call_lists = st.lists(tasks, max_size=5, unique_by=lambda one: one.tool_use_id)
in_sight = st.sampled_from([(), ("t1",), ("t2", "t3"), ("t9",)])


def decide(one: Subject, found: list[PendingTask], others: list[Earlier] | None = None) -> Link | None:
    return spawned(one, Found(tasks=found, rivals=others or []))


@given(call_lists, st.lists(rivals, max_size=5, unique_by=lambda one: one.moment), agents, in_sight, st.booleans())
def test_a_sub_task_takes_the_strongest_sign_there_is(
    calls: list[PendingTask], others: list[Earlier], agent: str | None, given_calls: tuple[str, ...], history: bool
) -> None:
    """Oracle: one sign after the other, each by looking at all calls."""
    one = first(thread=Thread("s", agent), history=history, held=held(3, 2, "", *given_calls))
    known = sorted((each for each in calls if each.moment < one.moment), key=lambda each: each.moment)
    named = [each for each in known if agent and each.agent == agent]
    own = [each for each in known if agent and each.tool_use_id in given_calls]
    unclaimed = [each for each in known if agent is None or each.agent is None]
    free = [each for each in unclaimed if each.ran] or unclaimed
    decided = decide(one, calls, others)
    if named:
        assert sign(decided) == ("agent id", named[0].tool_use_id)
    elif own:
        assert sign(decided) == ("tool use id", own[-1].tool_use_id)
    elif history or not free:
        assert decided is None
    else:
        before = [each for each in others if each.moment < one.moment]
        takers = {each.agent for each in known} - {None} if agent else set()
        turn = len({each.thread.agent for each in before} - takers - {None})
        turn += len([each for each in before if each.thread.agent is None and each.state in {"finished", "open"}])
        kind = "task prompt" if len(free) == 1 else "task prompt, by order"
        assert sign(decided) == (kind, free[min(turn, len(free) - 1)].tool_use_id)


def sign(decided: Link | None) -> tuple[str, str | None]:
    assert decided is not None
    assert decided.edge == "spawned"
    assert decided.tool_use_id is not None
    assert decided.tool_use_id in decided.evidence[0].detail
    return decided.evidence[0].kind, decided.tool_use_id


def test_the_parent_is_who_called() -> None:
    decided = decide(first(), [task(20, "t2"), task(10, "t1", "a1")])
    assert decided is not None
    assert (decided.parent, decided.tool_use_id, decided.confidence) == (parent(10), "t1", 1.0)
    assert "a1" in decided.evidence[0].detail


@pytest.mark.parametrize(("before", "expected"), [(0, "t1"), (1, "t2"), (2, "t3"), (3, "t3")])
def test_of_equal_prompts_the_nth_call_starts_the_nth_sub_task(before: int, expected: str) -> None:
    calls = [task(10, "t1"), task(10, "t2"), task(20, "t3")]
    others = [earlier(50 + n, thread=Thread("s", f"b{n}")) for n in range(before)]
    late = [earlier(150, thread=Thread("s", "b9"))]
    assert sign(decide(first(), calls, [*others, *late])) == ("task prompt, by order", expected)


def test_attempts_of_one_agent_are_one_sub_task() -> None:
    others = [earlier(50, "failed", thread=Thread("s", "b1")), earlier(60, thread=Thread("s", "b1"))]
    assert sign(decide(first(), [task(10, "t1"), task(11, "t2"), task(12, "t3")], others))[1] == "t2"


@pytest.mark.parametrize("state", STATES)
def test_a_failed_attempt_without_an_agent_s_name_is_no_sub_task(state: AnswerState) -> None:
    others = [earlier(50, state, thread=Thread("s", None))]
    counts = state in {"finished", "open"}
    assert sign(decide(first(), [task(10, "t1"), task(11, "t2")], others))[1] == ("t2" if counts else "t1")


def test_calls_of_agents_that_are_known_and_those_agents_do_not_count() -> None:
    calls = [task(10, "t1", "b1"), task(10, "t2"), task(11, "t3")]
    assert sign(decide(first(), calls, [earlier(50, thread=Thread("s", "b1"))]))[1] == "t2"
    assert decide(first(), [task(10, "t1", "b1")]) is None


def test_no_call_starts_a_sub_task_before_it_is_made() -> None:
    assert decide(first(), [task(150, "t1"), task(160, "t2", "a1")]) is None
    assert decide(first(), [PendingTask(at(NOW), "t1", "a1")]) is None, "nor at the same moment"


@pytest.mark.parametrize("one", [first(request_class="compaction"), first(side=True)])
@pytest.mark.parametrize("agent", [None, "a1"])
def test_what_stands_on_a_history_was_not_started_by_a_call(one: Subject, agent: str | None) -> None:
    assert decide(one, [task(10, "t1", agent)]) is None


def test_a_fork_agent_is_known_by_its_own_call_in_the_history_it_was_given() -> None:
    one = first(history=True, held=held(3, 2, "", "t1"))
    assert sign(decide(one, [task(10, "t1"), task(20, "t2")])) == ("tool use id", "t1")
    main = replace(one, thread=Thread("s", None))
    assert decide(main, [task(10, "t1")]) is None, "its own calls stand in everybody's history"


def test_an_old_client_s_sub_task_may_be_one_that_is_known_by_name() -> None:
    one = subject(history=False, held=held(0))
    calls = [task(10, "t1", "a7"), task(20, "t2")]
    assert sign(decide(one, calls)) == ("task prompt, by order", "t1")
    assert sign(decide(one, calls[:1])) == ("task prompt", "t1")
    named = [earlier(50, thread=Thread("s", "a7"))]
    assert sign(decide(one, calls, named)) == ("task prompt, by order", "t2"), "the named one counts as a sub-task"


def test_nobody_runs_a_call_of_an_answer_that_was_cut_if_there_is_another() -> None:
    cut, whole = replace(task(10, "t1"), ran=False), task(20, "t2")
    assert sign(decide(first(), [cut, whole])) == ("task prompt", "t2")
    assert sign(decide(first(), [cut])) == ("task prompt", "t1")


def test_an_agent_is_started_from_the_deepest_then_newest_history_it_was_given() -> None:
    one = first(history=True, held=held(3, 2))
    donors = [earlier(40, depth=3), earlier(50, depth=3), earlier(60, depth=2), earlier(150, depth=9)]
    decided = spawned(one, Found(donors=donors))
    assert decided is not None
    assert (decided.edge, decided.parent, decided.tool_use_id) == ("spawned", parent(50), None)
    assert (decided.evidence[0].kind, decided.confidence) == ("history of another thread", 0.9)
    assert spawned(replace(one, thread=Thread("s", None)), Found(donors=donors)) is None
    assert spawned(first(), Found(donors=donors)) is None, "it holds no history"
    assert sign(spawned(one, Found(donors=donors, tasks=[task(10, "t1", "a1")]))) == ("agent id", "t1")
