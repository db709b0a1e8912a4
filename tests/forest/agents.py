"""What do agents do: in the foreground, behind, nested, as forks, spoken to again?"""

import json
from collections.abc import Sequence

from tests.forest.answers import Answer, cut_after_text, cut_before_end, renamed
from tests.forest.client import Thread
from tests.forest.compaction import compact_before_prompt, compact_in_the_middle
from tests.forest.shapes import Block, Json, assistant, text, tool_result, tool_use
from tests.forest.sides import web_search
from tests.forest.talk import exchange_with_tools, prompt, results, tool_calls, typed
from tests.forest.truth import Exchange, Link
from tests.forest.vocabulary import TASKS

_NOTIFIED = (
    "<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]\n<task-notification>\n<task-id>{}</task-id>\n"
    "<tool-use-id>{}</tool-use-id>\n<status>completed</status>\n<result>{}</result>\n"
    "<usage><subagent_tokens>7472</subagent_tokens></usage>\n</task-notification>\n</system-reminder>"
)
_COORDINATOR = (
    "The coordinator sent a message while you were working:\n{}\n\nAddress this before completing your current task."
)
_FORK = "<fork-boilerplate>You are a fork.</fork-boilerplate>\n\nYour directive: {}"


def task(thread: Thread, said: str, kind: str = "general-purpose", *, behind: bool = False) -> Block:
    arguments: Json = {"description": thread.words.word(), "prompt": said, "subagent_type": kind}
    if thread.dialect.background and not behind:
        arguments["run_in_background"] = False
    return tool_use(thread.words.tool_use_id(), thread.dialect.task_tool, arguments)


def launched(thread: Thread, exchange: Exchange, delay: float) -> Thread:
    """An agent's thread, before its first request."""
    digits = thread.dialect.agent_id_digits
    return Thread(
        thread.session,
        thread.now + delay,
        agent=f"a{thread.words.hex(digits - 1)}" if digits else None,
        parent_agent=thread.agent,
        main_prompt=False,
        standing=Link("spawned", exchange),
        is_agent=True,
    )


def work(agent: Thread, said: str, rounds: int | None = None) -> None:
    exchange_with_tools(agent, [text(said)], agent.words.random.randint(0, 2) if rounds is None else rounds)
    if agent.words.chance(0.1):
        web_search(agent)


def report(thread: Thread, call: Block, agent: Thread) -> Block:
    """What the parent gets from a foreground agent; some kinds of agents are not named in it."""
    said, dialect = agent.words.fresh(), thread.dialect
    if not dialect.agent_id_digits:
        return tool_result(call["id"], [text(said)])
    if dialect.old:
        told = f"agentId: {agent.agent} (for resuming to continue this agent's work if needed)"
        return tool_result(call["id"], [text(said), text(told)])
    head = "[Subagent hand-back] The text below is the final report of a subagent this session delegated to.\n  "
    told = f"\nagentId: {agent.agent} (use SendMessage with to: '{agent.agent}')\n<usage>subagent_tokens: 8575</usage>"
    named = call["input"]["subagent_type"] != "Explore"
    return tool_result(call["id"], [text(f"{head}{said}{told if named else ''}")])


def _in_front(thread: Thread, first: Sequence[Block], calls: Sequence[Block], rounds: int | None = None) -> None:
    """Agents work side by side; the parent waits for all, and hears of them in the order they finish."""
    exchange = thread.say(*first, answer=thread.answer(*calls))
    agents = [launched(thread, exchange, 0.02 + 0.1 * n) for n in range(len(calls))]
    for agent, call in zip(agents, calls, strict=True):
        work(agent, call["input"]["prompt"], rounds)
    done = sorted(zip(agents, calls, strict=True), key=lambda one: one[0].now)
    thread.now = done[-1][0].now + 0.02
    thread.session.agents += agents
    thread.say(*[report(thread, call, agent) for agent, call in done])


def one_agent(thread: Thread) -> None:
    said = thread.words.random.choice([*TASKS, thread.words.fresh(6)])
    _in_front(thread, typed(thread), [task(thread, said, thread.words.random.choice(["general-purpose", "Explore"]))])


def agents_side_by_side(thread: Thread) -> None:
    calls = [task(thread, thread.words.fresh(6)) for _ in range(3)]
    _in_front(thread, typed(thread), thread.words.random.sample(calls, 3))


def work_alike(thread: Thread, said: str, told: str) -> None:
    """An agent that does what others do, and says what others say."""
    call = task(thread, said)
    exchange = thread.say(text(said), answer=thread.answer(call))
    agent = launched(thread, exchange, 0.02)
    agent.say(text(said), answer=Answer((text(told),)))
    thread.now = agent.now
    thread.say(report(thread, call, agent))


def twin_agents(thread: Thread) -> None:
    """The very same task, twice at once; nothing fails, or old clients' requests could not be told apart."""
    trouble, thread.world.trouble = thread.world.trouble, 0.0
    said = thread.words.random.choice(TASKS)
    _in_front(thread, typed(thread), [task(thread, said), task(thread, said)], rounds=1)
    thread.world.trouble = trouble


def same_task_later(thread: Thread) -> None:
    """The same task again, after the first one is done."""
    said = thread.words.random.choice(TASKS)
    for _ in range(2):
        _in_front(thread, typed(thread), [task(thread, said)])


def echoed_prompt(thread: Thread) -> None:
    """The task is what the person typed, word for word."""
    said = thread.words.fresh(5)
    _in_front(thread, [text(said)], [task(thread, said)])


def interrupted_agent(thread: Thread) -> None:
    """Escape while an agent works: the parent is told so, and goes on with another prompt."""
    call = task(thread, thread.words.fresh(6))
    exchange = thread.say(*typed(thread), answer=thread.answer(call))
    agent = launched(thread, exchange, 0.05)
    agent.remember(text(call["input"]["prompt"]))
    answer = agent.answer(*tool_calls(agent))
    agent.attempts(agent.call(), answer, last=cut_after_text(answer, agent.words, ""))
    thread.now = agent.now + 5
    thread.say(tool_result(call["id"], "[Request interrupted by user for tool use]", failed=True), *typed(thread))


def task_in_a_broken_stream(thread: Thread) -> None:
    """The stream breaks behind a whole call; what runs is the call of the next attempt, with the same prompt."""
    call = task(thread, thread.words.fresh(6))
    thread.remember(*typed(thread))
    answer = thread.answer(call)
    broken = cut_before_end(renamed(answer, thread.words), thread.words)
    first = thread.attempts(thread.call(), answer, last=broken)
    thread.standing = Link("retries", first)
    exchange = thread.hear(answer, [])
    agent = launched(thread, exchange, 0.05)
    work(agent, call["input"]["prompt"])
    thread.now = agent.now
    thread.say(report(thread, call, agent))


def nested_agents(thread: Thread) -> None:
    outer = task(thread, thread.words.fresh(6))
    exchange = thread.say(*typed(thread), answer=thread.answer(outer))
    agent = launched(thread, exchange, 0.05)
    inner = [task(agent, thread.words.fresh(6)) for _ in range(2)]
    _in_front(agent, [text(outer["input"]["prompt"])], inner)
    thread.now = agent.now
    thread.say(report(thread, outer, agent))


def background_agents(thread: Thread) -> None:
    """The parent goes on at once, and is told later."""
    calls = [task(thread, thread.words.fresh(6), behind=True) for _ in range(thread.words.random.randint(1, 2))]
    exchange = thread.say(*typed(thread), answer=thread.answer(*calls))
    agents = [launched(thread, exchange, thread.words.between(0.02, 3)) for _ in calls]
    thread.say(*[_running(call, agent) for call, agent in zip(calls, agents, strict=True)])
    for agent, call in zip(agents, calls, strict=True):
        work(agent, call["input"]["prompt"])
    match thread.words.random.choice(["talk", "compact", "wait", "wait"]):
        case "talk":
            prompt(thread)
        case "compact":
            compact_before_prompt(thread)
    thread.session.agents += agents
    for agent, call in sorted(zip(agents, calls, strict=True), key=lambda one: one[0].now):
        notify(thread, agent, call)


def _running(call: Block, agent: Thread) -> Block:
    told = f"Async agent launched successfully.\nagentId: {agent.agent} (internal ID - do not mention to user.)\n"
    return tool_result(call["id"], [text(f"{told}output_file: /tmp/tasks/{agent.agent}.output")])


def notify(thread: Thread, agent: Thread, call: Block) -> None:
    """The client starts a turn by itself; its text is a reminder from end to end."""
    thread.now = max(thread.now, agent.now) + 0.1
    thread.say(text(_NOTIFIED.format(agent.agent, call["id"], agent.words.word())))


def fork_agents(thread: Thread) -> None:
    """Each gets the parent's history, its own call and a directive; the other calls and the text are not in it."""
    prompt(thread)
    thread.remember(*typed(thread))
    before = list(thread.history)
    calls = [task(thread, thread.words.fresh(6), "fork", behind=True) for _ in range(thread.words.random.randint(1, 2))]
    exchange = thread.hear(thread.answer(*calls))
    agents = [launched(thread, exchange, thread.words.between(0.02, 1)) for _ in calls]
    thread.say(*[_running(call, agent) for call, agent in zip(calls, agents, strict=True)])
    for agent, call in zip(agents, calls, strict=True):
        agent.main_prompt = True
        agent.history = [*before, assistant(call)]
        started = tool_result(call["id"], "Fork started \N{EM DASH} that fork is you.")
        exchange_with_tools(
            agent, [started, text(_FORK.format(call["input"]["prompt"]))], thread.words.random.randint(0, 2)
        )
        notify(thread, agent, call)


def fork_agents_of_a_summary(thread: Thread) -> None:
    """The history that they are given begins with a summary."""
    compact_before_prompt(thread)
    fork_agents(thread)


def follow_up(thread: Thread) -> None:
    """A finished agent is spoken to again."""
    if not thread.session.agents:
        one_agent(thread)
    agent = thread.words.random.choice(thread.session.agents)
    said = thread.words.fresh(6)
    call = tool_use(thread.words.tool_use_id(), "SendMessage", {"to": agent.agent, "message": said})
    thread.say(*typed(thread), answer=thread.answer(call))
    agent.now = max(agent.now, thread.now) + 0.1
    told = json.dumps({"success": True, "message": f"Resuming agent {(agent.agent or '')[:7]}"})
    thread.say(tool_result(call["id"], told))
    exchange_with_tools(agent, [text(_COORDINATOR.format(said))], thread.words.random.randint(0, 1))
    notify(thread, agent, call)


def agent_compacts(thread: Thread) -> None:
    """An agent runs out of context in the middle of its work."""
    call = task(thread, thread.words.fresh(6))
    exchange = thread.say(*typed(thread), answer=thread.answer(call))
    agent = launched(thread, exchange, 0.05)
    calls = tool_calls(agent)
    agent.say(text(call["input"]["prompt"]), answer=agent.answer(*calls))
    more = tool_calls(agent)
    compact_in_the_middle(agent, calls, agent.answer(*more))
    agent.say(*results(agent, more))
    thread.now = agent.now
    thread.say(report(thread, call, agent))
