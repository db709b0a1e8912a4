"""Jonas's story: an old client, whose requests belong together all the same."""

from itertools import pairwise

from ops.demo.sessions import jonas
from tests.ops.demo.rehearsal import rehearse_one


async def test_an_old_client_works_with_a_task_and_a_list() -> None:
    rehearsal = await rehearse_one(jonas.old_client)
    assert rehearsal.outcome.failed == []
    assert [wired.link for wired in rehearsal.wire] == [
        ("auxiliary", "none"),
        ("main", "root"),
        ("main", "continues"),
        ("auxiliary", "none"),
        ("main", "continues"),
        ("subagent", "spawned"),
        ("subagent", "continues"),
        ("main", "continues"),
        ("main", "continues"),
        ("main", "continues"),
    ]
    tools = {block["name"] for wired in rehearsal.wire for _, block in wired.answer if block["type"] == "tool_use"}
    assert tools == {"Bash", "Read", "Edit", "Grep", "TodoWrite", "Task"}


async def test_a_reminder_comes_and_goes() -> None:
    wire = (await rehearse_one(jonas.old_client)).wire
    nagged = [wired.request.body.count(b"has not changed for a while") for wired in wire]
    assert set(nagged) == {0, 1}
    assert (1, 0) in list(pairwise(nagged))
