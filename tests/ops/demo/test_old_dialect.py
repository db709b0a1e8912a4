"""Claude Code 2.0.76: what it says, and what it does not."""

import json
from typing import Any

from ops.demo.blocks import Message, Text, ToolResult
from ops.demo.client import Request
from ops.demo.dialect import AgentReport, Sending
from ops.demo.old_dialect import OldDialect
from ops.demo.people import JONAS, SENSORS
from ops.demo.retrying import Again
from tests.ops.demo.rehearsal import TODAY

SPEAKS = OldDialect(JONAS, SENSORS, TODAY)
AGENT = "a0123456789abcdef"


def body(sent: Request) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(sent.body)
    return decoded


def ask(*more: Message, change: Again | None = None) -> Request:
    messages = (*SPEAKS.opening(SPEAKS.main(), (Text("Hi"),)), *more)
    return SPEAKS.request(Sending(SPEAKS.main(), "sid", messages, len(messages) - 1), change or Again())


def test_it_has_no_headers_of_its_own_and_an_older_user_id() -> None:
    sent = ask()
    assert not [name for name in sent.headers if name.lower().startswith("x-claude-code")]
    assert sent.headers["User-Agent"] == "claude-cli/2.0.76 (external, cli)"
    assert body(sent)["metadata"]["user_id"] == f"user_{JONAS.device_id}_account__session_sid"
    assert list(body(sent)) == ["model", "messages", "system", "tools", "metadata", "max_tokens", "stream"]
    assert len(body(sent)["system"]) == 2
    assert body(sent)["max_tokens"] == 32000


def test_there_are_no_system_messages() -> None:
    (first,) = body(ask())["messages"]
    reminder, prompt = first["content"]
    assert SENSORS.notes in reminder["text"]
    assert prompt["text"] == "Hi"
    assert SPEAKS.after_results(SPEAKS.main(), 1) == ()


def test_the_newest_message_and_the_answer_before_it_are_marked() -> None:
    more = (Message("assistant", (Text("a"),)), Message("user", (Text("b"),)), Message("assistant", (Text("c"),)))
    shown = body(ask(*more, Message("user", (Text("d"),))))["messages"]
    marked = [number for number, message in enumerate(shown) if '"cache_control"' in json.dumps(message)]
    assert marked == [3, 4]
    assert shown[2]["content"] == "b"


def test_agents_say_nothing_of_themselves() -> None:
    role = SPEAKS.agent("general-purpose", AGENT, SPEAKS.main(), background=False)
    messages = SPEAKS.opening(role, (Text("Look"),))
    sent = SPEAKS.request(Sending(role, "sid", messages, 0), Again())
    assert AGENT not in str(sent)
    assert "Task" not in {tool["name"] for tool in body(sent)["tools"]}
    report, resumable = SPEAKS.handed_back(role, AgentReport(AGENT, "Fine.", 1, 2, 3))
    assert report.text == "Fine."
    assert resumable.text == f"agentId: {AGENT[:8]} (for resuming to continue this agent's work if needed)"


def test_without_streaming_it_drops_the_key() -> None:
    again = body(ask(change=Again(whole=True)))
    assert "stream" not in again
    assert again["max_tokens"] == 21333


def test_a_reminder_comes_behind_late_tool_results_and_goes_again() -> None:
    early = (Message("assistant", (Text("a"),)), Message("user", (ToolResult("t", "x"),)))
    late = (*early, Message("assistant", (Text("b"),)), Message("user", (ToolResult("u", "y"),)))
    after = (*late, Message("assistant", (Text("c"),)), Message("user", (Text("d"),)))

    def reminders(*messages: Message) -> int:
        return ask(*messages).body.count(b"has not changed for a while")

    assert [reminders(*early), reminders(*late), reminders(*after)] == [0, 1, 0]
    last = body(ask(*late))["messages"][-1]["content"]
    assert [("cache_control" in block) for block in last] == [False, True]


def test_small_questions_go_to_a_small_model_without_tools() -> None:
    for sent in (SPEAKS.naming("sid", "prompt"), SPEAKS.paths("sid", "ls", "a\nb")):
        assert body(sent)["tools"] == []
        assert body(sent)["model"] == "claude-haiku-4-5-20251001"
    assert "Command: ls\nOutput: a\nb" in SPEAKS.paths("sid", "ls", "a\nb").body.decode().replace("\\n", "\n")
