"""Maya's stories: what is in them, and how their requests belong together."""

from ops.demo.sessions import maya
from tests.ops.demo.rehearsal import rehearse_one


async def test_a_bug_is_mended_in_a_loop_of_tools() -> None:
    rehearsal = await rehearse_one(maya.rounding)
    assert rehearsal.outcome.failed == []
    assert rehearsal.links() == {
        ("auxiliary", "none", None): 13,
        ("main", "root", None): 1,
        ("main", "continues", "root"): 1,
        ("main", "continues", "continues"): 7,
    }
    tools = {block["name"] for wired in rehearsal.wire for _, block in wired.answer if block["type"] == "tool_use"}
    assert tools == {"Bash", "Read", "Grep", "Edit", "Write", "TodoWrite"}
    assert any(len(str(block.get("content"))) > 10_000 for wired in rehearsal.wire for _, block in wired.blocks)


async def test_an_audit_goes_on_in_the_background() -> None:
    rehearsal = await rehearse_one(maya.audit)
    assert rehearsal.outcome.failed == []
    assert rehearsal.links() == {
        ("main", "root", None): 1,
        ("main", "continues", "root"): 1,
        ("main", "continues", "continues"): 4,
        ("subagent", "spawned", "root"): 1,
        ("subagent", "continues", "spawned"): 1,
        ("subagent", "continues", "continues"): 1,
    }
    launched = next(wired for wired in rehearsal.wire if "Async agent launched" in str(wired.body))
    assert launched.link == ("main", "continues")


async def test_an_answer_is_stopped_and_the_cache_runs_out_over_lunch() -> None:
    rehearsal = await rehearse_one(maya.second_thoughts)
    assert [wired.link for wired in rehearsal.wire] == [
        ("main", "root"), ("main", "interrupted"), ("main", "continues"),
    ]  # fmt: skip
    *_, before, after = [wired.heard.reading.usage for wired in rehearsal.wire]
    assert before
    assert after
    assert before.cache_read_input_tokens > 0 == after.cache_read_input_tokens
