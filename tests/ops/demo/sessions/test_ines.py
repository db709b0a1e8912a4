"""Ines's stories: what is in them, and how their requests belong together."""

from ops.demo.sessions import ines
from tests.ops.demo.rehearsal import rehearse_one


async def test_two_agents_work_side_by_side() -> None:
    rehearsal = await rehearse_one(ines.flaky)
    assert rehearsal.outcome.failed == []
    assert rehearsal.links() == {
        ("main", "root", None): 1,
        ("subagent", "spawned", "root"): 2,
        ("subagent", "continues", "spawned"): 2,
        ("subagent", "continues", "continues"): 1,
        ("main", "continues", "root"): 1,
        ("main", "continues", "continues"): 1,
    }
    edges = [wired.played.edge for wired in rehearsal.wire]
    assert edges[1:3] == ["spawned", "spawned"]
    after = next(wired for wired in rehearsal.wire if wired.link == ("main", "continues"))
    results = [block for _, block in after.blocks if block["type"] == "tool_result"]
    calls = [block["id"] for _, block in rehearsal.wire[0].answer if block["type"] == "tool_use"]
    assert {result["tool_use_id"] for result in results} == set(calls)
    assert len(calls) == 2


async def test_a_long_session_is_compacted() -> None:
    rehearsal = await rehearse_one(ines.refactoring)
    assert rehearsal.outcome.failed == []
    edges = [wired.played.edge for wired in rehearsal.wire]
    assert edges[0:2] == ["none", "root"]
    assert edges[-4:] == ["compacts", "resumes", "continues", "continues"]
    sessions = {wired.request.headers["X-Claude-Code-Session-Id"] for wired in rehearsal.wire}
    assert len(sessions) == 1


async def test_a_rollout_is_watched_for_long() -> None:
    rehearsal = await rehearse_one(ines.rollout)
    assert rehearsal.outcome.failed == []
    assert rehearsal.links()["main", "continues", "continues"] == 11
    looks = [block for _, block in rehearsal.wire[-1].blocks if block["type"] == "tool_result"]
    assert len(looks) == 12
    assert "100%" in looks[-1]["content"]
