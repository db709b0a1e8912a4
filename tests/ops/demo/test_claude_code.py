"""What a person does with Claude Code, and what it means on the wire."""

import pytest

from ops.demo.claude_code import ClaudeCode
from ops.demo.people import BILLING, MAYA, MAYA_LAPTOP
from ops.demo.stage import PlayError, Stage
from ops.demo.story import Delegate, bash, step
from tests.ops.demo.rehearsal import Rehearsal, rehearse_one, staged

LOOK = bash("ls", "a\nb")
LONG = "A long answer that nobody wants to hear to its very end. " * 4


async def test_a_session_is_named_before_its_first_request() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.begin()
        await claude.is_named("Lost cent", "Find the cent.")
        await claude.asks("Find the cent.", step("Found."))

    title, first = (await rehearse_one(tell)).wire
    assert title.link == ("auxiliary", "none")
    assert title.answer == [("assistant", {"type": "text", "text": '{"title":"Lost cent"}'})]
    assert first.link == ("main", "root")
    sessions = {wired.request.headers["X-Claude-Code-Session-Id"] for wired in (title, first)}
    assert len(sessions) == 1


async def test_prompts_continue_one_another() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("One?", step(LOOK), step("One."))
        await claude.asks("Two?", step("Two."))

    rehearsal = await rehearse_one(tell)
    assert [wired.played.edge for wired in rehearsal.wire] == ["root", "continues", "continues"]
    assert rehearsal.wire[-1].body["messages"][-1]["content"][-1]["text"] == "Two?"
    assert rehearsal.said == ["maya · harbor-billing · “One?”", "maya · harbor-billing · “Two?”"]


async def test_a_picture_stands_before_its_prompt() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("What is this?", step("A chart."), sees=b"one")
        await claude.asks("And this?", step("Another."), sees=b"two")

    first, second = (await rehearse_one(tell)).wire
    assert [block["type"] for block in first.body["messages"][0]["content"]][-2:] == ["image", "text"]
    assert [block["type"] for block in second.body["messages"][-1]["content"]] == ["image", "text"]


async def test_a_rewind_branches_from_the_answer_it_goes_back_to() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("One?", step("One."))
        here = claude.here
        await claude.asks("Two?", step("Two."))
        await claude.asks("Three?", step("Three."))
        claude.rewinds_to(here)
        await claude.asks("Other two?", step("Other."))
        await claude.asks("Other three?", step("Third."))

    first, _, _, branch, after = (await rehearse_one(tell)).wire
    assert (branch.link, branch.played.parent) == (("main", "branches"), first.played.request_id)
    assert (after.link, after.played.parent) == (("main", "continues"), branch.played.request_id)
    assert "Two?" not in str(after.body)


async def test_after_escape_the_shown_part_stays_and_the_next_prompt_says_so() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("One?", step(LONG, interrupted_after=3))
        await claude.asks("Better?", step("Yes."))
        await claude.asks("Good.", step("Fine."))

    cut, again, after = (await rehearse_one(tell)).wire
    assert (again.link, again.played.parent) == (("main", "interrupted"), cut.played.request_id)
    texts = [block["text"] for _, block in again.blocks[-3:]]
    assert LONG.startswith(texts[0])
    assert texts[1:] == ["[Request interrupted by user]", "Better?"]
    assert after.blocks[-1][1]["text"] == "Good."
    assert str(after.body).count("[Request interrupted") == 1


async def test_a_rewind_after_escape_forgets_the_interruption() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("One?", step("One."))
        here = claude.here
        await claude.asks("Two?", step(LONG, interrupted_after=3))
        claude.rewinds_to(here)
        await claude.asks("Three?", step("Three."))

    *_, last = (await rehearse_one(tell)).wire
    assert "[Request interrupted" not in str(last.body)


async def test_a_side_question_stands_on_the_history_and_is_forgotten() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA_LAPTOP, BILLING)
        await claude.asks("One?", step("One."))
        await claude.wonders("Why?", "Because.")
        await claude.asks("Two?", step("Two."))

    first, aside, second = (await rehearse_one(tell)).wire
    assert (aside.link, aside.played.parent) == (("auxiliary", "aside"), first.played.request_id)
    assert aside.request.headers["x-claude-code-request-class"] == "auxiliary"
    assert "x-claude-code-prompt-id" not in aside.request.headers
    assert second.played.parent == first.played.request_id
    assert "Why?" not in str(second.body)
    assert aside.body["tools"] == first.body["tools"]


async def compacted() -> Rehearsal:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA_LAPTOP, BILLING)
        await claude.asks("One?", step(LOOK), step("One."))
        await claude.compacts("1. All done.", "keep the list")
        await claude.asks("Two?", step("Two."))
        await claude.asks("Three?", step("Three."))

    return await rehearse_one(tell)


async def test_a_compaction_goes_on_from_its_summary() -> None:
    _, before, compaction, resumed, after = (await compacted()).wire
    assert (compaction.link, compaction.played.parent) == (("compaction", "compacts"), before.played.request_id)
    assert (resumed.link, resumed.played.parent) == (("main", "resumes"), compaction.played.request_id)
    assert (after.link, after.played.parent) == (("main", "continues"), resumed.played.request_id)
    assert compaction.body["messages"][-1]["content"].endswith("Additional Instructions:\nkeep the list")
    first = resumed.body["messages"][0]["content"]
    assert "Summary:\n1. All done.\n" in first
    assert "<tools-used-before-summary>Bash</tools-used-before-summary>" in first
    assert f"{resumed.request.headers['X-Claude-Code-Session-Id']}.jsonl" in first
    assert resumed.body["messages"][2]["content"] == [{"type": "text", "text": "One."}]
    assert resumed.body["messages"][3]["content"][-1]["text"] == "Two?"
    assert [message["role"] for message in after.body["messages"][-3:]] == ["system", "assistant", "user"]
    assert str(after.body).count("<command-name>/compact") == 1


async def test_a_compaction_is_hinted_at_once() -> None:
    _, _, compaction, resumed, after = (await compacted()).wire
    assert compaction.request.headers["x-claude-code-compaction"] == "manual"
    assert compaction.request.headers["x-claude-code-request-class"] == "compaction"
    assert resumed.request.headers["x-claude-code-context-compacted"] == "manual"
    assert "x-claude-code-context-compacted" not in after.request.headers
    assert "x-claude-code-compaction" not in resumed.request.headers


async def test_a_background_agent_is_heard_of_when_the_work_is_done() -> None:
    task = Delegate("Audit", "Look.", (step(LOOK), step("Nothing.")), background=True, afterwards=(step("I see."),))

    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("Audit, please.", step(task), step("Meanwhile."))

    wire = (await rehearse_one(tell)).wire
    main = [wired for wired in wire if wired.played.request_class == "main"]
    assert [wired.played.edge for wired in main] == ["root", "continues", "continues"]
    last = main[-1].body["messages"][-1]
    agent = next(wired.request.headers["x-claude-code-agent-id"] for wired in wire if wired.played.edge == "spawned")
    assert f"<task-id>{agent}</task-id>" in last["content"][0]["text"]
    assert "<result>Nothing.</result>" in last["content"][0]["text"]


async def test_agents_share_the_prompts_id() -> None:
    task = Delegate("Look", "Look.", (step("Nothing."),))

    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA_LAPTOP, BILLING)
        await claude.asks("One?", step(task), step("So."))
        await claude.asks("Two?", step("Two."))

    ids = [wired.request.headers["x-claude-code-prompt-id"] for wired in (await rehearse_one(tell)).wire]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_looking_at_the_context_counts_much_at_once() -> None:
    async def tell(stage: Stage) -> None:
        claude = ClaudeCode(stage, MAYA, BILLING)
        await claude.asks("One?", step("One."))
        await claude.looks_at_context(parts=6)

    _, *counted = (await rehearse_one(tell)).wire
    assert [wired.link for wired in counted] == [("auxiliary", "none")] * 6
    assert len({wired.request.body for wired in counted}) == 6
    assert {wired.request.path for wired in counted} == {"/v1/messages/count_tokens?beta=true"}


async def test_before_the_first_answer_there_is_no_way_back() -> None:
    async with staged() as (stage, _):
        claude = ClaudeCode(stage, MAYA, BILLING)
        with pytest.raises(PlayError, match="nothing was answered"):
            _ = claude.here
