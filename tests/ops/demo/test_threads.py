"""Threads: tools and agents, what comes of them on the wire, and the truth they know about themselves."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ops.demo.answers import Script
from ops.demo.blocks import Text
from ops.demo.current_dialect import CurrentDialect
from ops.demo.pace import FAST, Pace
from ops.demo.people import BILLING, MAYA
from ops.demo.played import Link
from ops.demo.stage import PlayError, Stage
from ops.demo.story import BreaksOff, Call, Declines, Delegate, Step, Thought, bash, overloaded, read, see, step
from ops.demo.threads import Thread, picture
from tests.ops.demo.rehearsal import Wired, listed, rehearse_one

LOOK = bash("ls", "a\nb")


def thread(stage: Stage) -> Thread:
    dialect = CurrentDialect(MAYA, BILLING, stage.today)
    return Thread(stage, dialect, dialect.main(), stage.ids.uuid(), stage.ids, Link("main", "root"))


async def run(*steps: Step, check: Callable[[Thread], None] = lambda _: None, pace: Pace = FAST) -> list[Wired]:
    async def tell(stage: Stage) -> None:
        main = thread(replace(stage, pace=pace))
        main.open(Text("Go"))
        async with asyncio.TaskGroup() as group:
            await main.run(steps, group)
        check(main)

    rehearsal = await rehearse_one(tell)
    assert rehearsal.outcome.failed == []
    return rehearsal.wire


def results(wired: Wired) -> list[dict[str, Any]]:
    return [block for _, block in wired.blocks if block["type"] == "tool_result"]


async def test_a_tools_result_comes_back_under_its_id() -> None:
    first, second = await run(step(Thought("hm"), "I look.", LOOK), step("Done."))
    call = next(block for _, block in first.answer if block["type"] == "tool_use")
    assert (call["name"], call["input"]["command"]) == ("Bash", "ls")
    assert results(second) == [
        {"type": "tool_result", "tool_use_id": call["id"], "content": "a\nb", "is_error": False}
    ]  # fmt: skip
    assert first.heard.reading.stop_reason == "tool_use"
    assert second.heard.reading.stop_reason == "end_turn"
    assert [wired.link for wired in (first, second)] == [("main", "root"), ("main", "continues")]


async def test_several_tools_are_used_at_once_and_answer_in_the_order_they_end() -> None:
    slow, quick = Call("Slow", {}, "slow", takes_s=1.0), Call("Quick", {}, "quick", takes_s=0.0)

    class Turns(Pace):
        """A second is five turns of the loop."""

        async def rest(self, seconds: float) -> None:
            for _ in range(int(seconds * 5) + 1):
                await asyncio.sleep(0)

    _, second = await run(step(slow, quick), step("Done."), pace=Turns())
    assert [result["content"] for result in results(second)] == ["quick", "slow"]


async def test_a_picture_comes_back_as_a_picture() -> None:
    _, second = await run(step(see("/a.png", b"PNG")), step("Nice."))
    (result,) = results(second)
    assert result["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "UE5H"}}
    ]
    assert "is_error" not in result
    assert picture(b"PNG").source.data == "UE5H"


async def test_an_agent_works_in_a_thread_of_its_own_and_reports() -> None:
    task = Delegate("Look", "Look around.", (step(LOOK), step("Nothing there.")))
    parent, first, second, after = await run(step("Somebody else looks.", task), step("So it is."))
    assert [wired.link for wired in (first, second)] == [("subagent", "spawned"), ("subagent", "continues")]
    assert first.played.parent == parent.played.request_id == after.played.parent
    agent = first.request.headers["x-claude-code-agent-id"]
    assert listed(first.body["messages"][0]["content"])[-1]["text"] == "Look around."
    (result,) = results(after)
    text = result["content"][0]["text"]
    assert "  Nothing there.\n" in text
    assert f"agentId: {agent}" in text
    usage = second.heard.reading.usage
    assert usage
    assert f"subagent_tokens: {usage.total}\ntool_uses: 1\n" in text


async def test_an_explorer_gets_reminders_inside_its_results_and_says_no_id() -> None:
    task = Delegate("Look", "Look around.", (step(LOOK), step("Nothing.")), kind="Explore")
    *_, second, after = await run(step(task), step("So it is."))
    (seen,) = results(second)
    assert seen["content"].startswith("a\nb\n\n<system-reminder>\n<total_tokens>")
    (result,) = results(after)
    assert result["content"] == [{"type": "text", "text": "Nothing."}]


async def test_an_agent_may_start_agents() -> None:
    inner = Delegate("Inner", "Look deeper.", (step("Deep."),))
    outer = Delegate("Outer", "Look around.", (step(inner), step("All.")))
    wire = await run(step(outer), step("So it is."))
    assert [wired.played.edge for wired in wire] == ["root", "spawned", "spawned", "continues", "continues"]
    main, first, second, back, after = wire
    assert (second.played.parent, back.played.parent) == (first.played.request_id,) * 2
    assert after.played.parent == main.played.request_id
    parent = second.request.headers["x-claude-code-parent-agent-id"]
    assert parent == first.request.headers["x-claude-code-agent-id"]


async def test_a_background_agent_is_launched_and_goes_on_alone() -> None:
    kept: list[Thread] = []
    task = Delegate("Audit", "Look around.", (step(LOOK), step("Nothing.")), background=True)
    wire = await run(step(task), step("Meanwhile."), check=kept.append)
    parent = next(wired for wired in wire if wired.played.edge == "continues" and wired.played.request_class == "main")
    (launched,) = results(parent)
    agent = next(wired.request.headers["x-claude-code-agent-id"] for wired in wire if wired.played.edge == "spawned")
    assert launched["content"][0]["text"].startswith(f"Async agent launched successfully.\nagentId: {agent} ")
    (ended,) = [task.result() for task in kept[0].background]
    assert (ended.report.agent_id, ended.report.report, ended.report.tool_uses) == (agent, "Nothing.", 1)
    call = next(block for wired in wire for _, block in wired.answer if block.get("name") == "Agent")
    assert "run_in_background" not in call["input"]
    assert ended.tool_use_id == call["id"]


async def test_troubles_come_before_the_answer() -> None:
    troubles = (overloaded(), BreaksOff(after=2), Declines())
    wire = await run(Step(("A rather long answer, for a stream that breaks.",), troubles=troubles[:2]))
    assert [(wired.played.status, wired.played.ending) for wired in wire] == [
        (529, "error"), (200, "broken"), (200, "whole"),
    ]  # fmt: skip
    declined, answered = await run(Step(("Yes.",), troubles=troubles[2:]))
    assert (declined.heard.reading.stop_reason, answered.heard.reading.stop_reason) == ("refusal", "end_turn")


async def test_an_interrupted_step_ends_the_turn() -> None:
    kept: list[Thread] = []
    words = "A long answer that nobody wants to hear to its end. " * 4
    (only,) = await run(Step((words,), interrupted_after=3), step("Never said."), check=kept.append)
    assert only.played.ending == "left"
    assert kept[0].link.edge == "interrupted"
    ((_, shown),) = only.answer
    assert words.startswith(shown["text"])


async def test_durations_of_tools_are_told_with_the_next_request() -> None:
    kept: list[Thread] = []
    await run(step(LOOK, read("/a", "x")), check=kept.append)
    assert kept[0].hints == {"x-claude-code-prev-tool-durations": "Bash=1200;Read=300"}


async def test_an_answer_that_is_not_the_scripts_stops_the_story() -> None:
    """As when a gateway changed a byte: the stand-in does not know that request."""

    async def tell(stage: Stage) -> None:
        main = thread(replace(stage, script=Script()))
        main.open(Text("Go"))
        async with asyncio.TaskGroup() as group:
            await main.run((step(LOOK),), group)

    (reason,) = (await rehearse_one(tell)).outcome.failed
    assert "was not answered by the script" in reason


async def test_only_an_answer_starts_an_agent_and_agents_do_something() -> None:
    async def tell(stage: Stage) -> None:
        main = thread(stage)
        idle = Delegate("Idle", "Do nothing.", ())
        async with asyncio.TaskGroup() as group:
            with pytest.raises(PlayError, match="do something"):
                await main.work(idle, group)
            with pytest.raises(PlayError, match="only an answer"):
                main._agent(idle)

    assert (await rehearse_one(tell)).outcome.failed == []
