"""One talk of very many exchanges: a main line that calls sub-agents, three at a time, each of which works for long.

What a session of some thousand exchanges looks like: no single history is endless, the tree is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.bench.long_sessions import frames, words
from tests.captures import Captured

AT_A_TIME = 3
BETWEEN, LASTED = timedelta(seconds=5), timedelta(seconds=3)
KINDS = ("Explore", "general-purpose", "Plan")
MODELS = ("claude-opus-4-1", "claude-haiku-4-5")
TOOLS = [
    {"name": name, "description": words(400, name), "input_schema": {"type": "object"}} for name in ("Bash", "Agent")
]


@dataclass
class Line:
    """A line of talk as its client holds it."""

    session: str
    name: str
    agent: str = ""
    messages: list[dict[str, object]] = field(default_factory=list)
    asked: int = 0

    def ask(self, content: list[dict[str, object]], answer: list[dict[str, object]], at: datetime) -> Captured:
        self.messages.append({"role": "user", "content": content})
        user = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": self.session})
        body = {
            "model": MODELS[bool(self.agent)], "metadata": {"user_id": user}, "max_tokens": 32000, "stream": True,
            "system": [{"type": "text", "text": words(3000, self.agent)}], "tools": TOOLS, "messages": self.messages,
        }  # fmt: skip
        headers = [("User-Agent", "claude-cli/2.1.330 (external, cli)"), ("X-Claude-Code-Session-Id", self.session)]
        sent = Captured(
            n=0,
            at=at,
            path="/v1/messages?beta=true",
            headers=(*headers, *([("X-Claude-Code-Agent-Id", self.agent)] if self.agent else [])),
            body=json.dumps(body).encode(),
            status=200,
            content_type="text/event-stream",
            answer=b"".join(frames(answer)),
            fault=None,
            ended=at + LASTED,
        )
        self.messages.append({"role": "assistant", "content": answer})
        self.asked += 1
        return sent

    def work(self, prompt: str, at: datetime, steps: int) -> Iterator[Captured]:
        """A prompt, a tool at each step, and an answer in words."""
        content: list[dict[str, object]] = [{"type": "text", "text": prompt}]
        for step in range(steps):
            call = f"toolu_{self.name}_{self.asked}"
            said: list[dict[str, object]] = [{"type": "text", "text": words(200, call)}]
            if step < steps - 1:
                said.append({"type": "tool_use", "id": call, "name": "Bash", "input": {"command": f"ls {call}"}})
            yield self.ask(content, said, at + step * BETWEEN)
            content = [{"type": "tool_result", "tool_use_id": call, "content": words(300, f"r{call}")}]


def swarm(session: str, exchanges: int, steps: int, at: datetime) -> Iterator[Captured]:
    """So many exchanges in the order of their arrival; ``steps``: of each sub-agent."""
    main, made, round_ = Line(session, "main"), 0, 0
    content: list[dict[str, object]] = [{"type": "text", "text": "Look through all of it, with sub-agents."}]
    while made < exchanges:
        tasks = [f"{session} {round_}.{place}: {words(120, f'{round_}.{place}')}" for place in range(AT_A_TIME)]
        calls = [_call(f"toolu_agent_{round_}_{place}", task, place) for place, task in enumerate(tasks)]
        yield main.ask(content, calls, at)
        agents = [Line(session, f"{round_}_{place}", f"a{round_:08x}{place:08x}") for place in range(AT_A_TIME)]
        working = [
            one
            for place, (agent, task) in enumerate(zip(agents, tasks, strict=True))
            for one in agent.work(task, at + BETWEEN + place * timedelta(seconds=1.5), steps)
        ]
        yield from sorted(working, key=lambda one: one.at)
        content = [_result(call, agent) for call, agent in zip(calls, agents, strict=True)]
        at += (steps + 3) * BETWEEN
        made += 1 + len(working)
        round_ += 1
    said = [{"type": "text", "text": words(300, "end")}]
    yield replace(main.ask(content, said, at), n=made)  # type: ignore[arg-type]  # a dict of words is one of objects


def _call(name: str, task: str, place: int) -> dict[str, object]:
    kind = KINDS[place % len(KINDS)]
    given = {"description": task[:24], "prompt": task, "subagent_type": kind, "run_in_background": False}
    return {"type": "tool_use", "id": name, "name": "Agent", "input": given}


def _result(call: dict[str, object], agent: Line) -> dict[str, object]:
    said = f"{words(200, agent.name)}\nagentId: {agent.agent} (use SendMessage)"
    return {"type": "tool_result", "tool_use_id": call["id"], "content": said}
