"""Tomás's stories: what is in them, and how their requests belong together."""

from ops.demo.sessions import tomas
from tests.ops.demo.rehearsal import rehearse_one


async def test_a_picture_two_ways_and_a_side_question() -> None:
    rehearsal = await rehearse_one(tomas.legend)
    assert rehearsal.outcome.failed == []
    assert [wired.played.edge for wired in rehearsal.wire] == [
        "none", "root", "continues", "continues", "continues", "branches", "continues", "continues", "aside",
        "continues", "continues", "continues",
    ]  # fmt: skip
    known = [wired.played.request_id for wired in rehearsal.wire]
    branch, aside, after = rehearsal.wire[5], rehearsal.wire[8], rehearsal.wire[9]
    assert branch.played.parent == known[2]
    assert aside.played.parent == after.played.parent == known[7]
    assert all("image" in str(wired.body) for wired in rehearsal.wire[1:])


async def test_agents_in_agents_and_a_stream_that_breaks() -> None:
    rehearsal = await rehearse_one(tomas.bundle)
    assert rehearsal.outcome.failed == []
    assert [wired.link for wired in rehearsal.wire] == [
        ("main", "root"),
        ("subagent", "spawned"),
        ("subagent", "continues"),
        ("subagent", "spawned"),
        ("subagent", "continues"),
        ("subagent", "continues"),
        ("main", "continues"),
        ("main", "continues"),
        ("main", "retries"),
    ]
    broken, again = rehearsal.wire[-2:]
    assert (broken.played.ending, broken.heard.streamed, again.heard.streamed) == ("broken", True, False)
    assert again.heard.headers["content-encoding"] == "gzip"
    assert {wired.body["model"] for wired in rehearsal.wire} == {"claude-sonnet-5", "claude-haiku-4-5-20251001"}
