"""A session of the old client: only what is said links its requests."""

import re

from ops.demo.old_claude_code import OldClaudeCode
from ops.demo.people import JONAS, SENSORS
from ops.demo.stage import Stage
from ops.demo.story import Delegate, bash, step
from tests.ops.demo.rehearsal import Wired, listed, rehearse_one


async def wire() -> list[Wired]:
    async def tell(stage: Stage) -> None:
        claude = OldClaudeCode(stage, JONAS, SENSORS)
        await claude.begin("Mend it.", "probe.py")
        await claude.asks("Mend it.", step(bash("ls", "a")), step("Done."))
        await claude.names_files_of("ls", "a", "<filepaths>\na\n</filepaths>")
        await claude.asks(
            "Have it checked.", step(Delegate("Check", "Check it.", (step("Fine."),))), step("Fine, it says.")
        )

    rehearsal = await rehearse_one(tell)
    assert rehearsal.outcome.failed == []
    return rehearsal.wire


async def test_its_requests_and_its_small_questions() -> None:
    links = [wired.link for wired in await wire()]
    assert links == [
        ("auxiliary", "none"),
        ("main", "root"),
        ("main", "continues"),
        ("auxiliary", "none"),
        ("main", "continues"),
        ("subagent", "spawned"),
        ("main", "continues"),
    ]


async def test_all_share_a_session_that_only_the_metadata_says() -> None:
    played = await wire()
    users = {wired.body["metadata"]["user_id"] for wired in played}
    (user,) = users
    assert re.fullmatch(r"user_[0-9a-f]{64}_account__session_[0-9a-f-]{36}", user)
    assert not any("session-id" in name.lower() for wired in played for name in wired.request.headers)


async def test_the_task_tool_is_called_task_and_its_prompt_begins_the_sub_task() -> None:
    played = await wire()
    (call,) = [block for wired in played for _, block in wired.answer if block.get("name") == "Task"]
    assert set(call["input"]) == {"description", "prompt", "subagent_type"}
    spawned = next(wired for wired in played if wired.played.edge == "spawned")
    assert listed(spawned.body["messages"][0]["content"])[-1]["text"] == call["input"]["prompt"] == "Check it."
