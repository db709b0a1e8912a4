"""Playing several stories: side by side, each at its time, and none stops the others."""

import pytest

from ops.demo.claude_code import ClaudeCode
from ops.demo.pace import Pace
from ops.demo.people import BILLING, INES, MAYA, RELAY
from ops.demo.player import Story
from ops.demo.stage import PlayError, Stage
from ops.demo.story import Delegate, step
from tests.ops.demo.rehearsal import rehearse


async def fine(stage: Stage) -> None:
    claude = ClaudeCode(stage, MAYA, BILLING)
    await claude.asks("One?", step("One."))
    await claude.asks("Two?", step("Two."))


async def broken(stage: Stage) -> None:
    await ClaudeCode(stage, INES, RELAY).asks("One?", step("One."))
    raise PlayError("the stage light fell")


async def test_a_story_that_breaks_off_is_told_and_the_others_go_on() -> None:
    rehearsal = await rehearse(Story("broken", 0.0, broken), Story("fine", 0.0, fine))
    assert rehearsal.outcome.failed == ["the stage light fell"]
    assert [len(rehearsal.of(name)) for name in ("broken", "fine")] == [1, 2]


async def test_what_breaks_off_in_an_agent_is_told_too() -> None:
    idle = Delegate("Idle", "Do nothing.", ())

    async def tell(stage: Stage) -> None:
        await ClaudeCode(stage, MAYA, BILLING).asks("Go", step(idle, idle), step("Done."))

    rehearsal = await rehearse(Story("idle", 0.0, tell))
    (reasons,) = rehearsal.outcome.failed
    assert "an agent must do something" in reasons


async def test_a_mistake_of_ours_is_not_a_story_that_breaks_off() -> None:
    async def wrong(_: Stage) -> None:
        raise KeyError("ours")

    with pytest.raises(ExceptionGroup):
        await rehearse(Story("wrong", 0.0, wrong))


async def test_stories_have_ids_of_their_own_whoever_plays_beside_them() -> None:
    alone = await rehearse(Story("fine", 0.0, fine))
    together = await rehearse(Story("other", 0.0, fine), Story("fine", 0.0, fine))
    (session,) = {wired.request.headers["X-Claude-Code-Session-Id"] for wired in alone.wire}
    assert {wired.request.headers["X-Claude-Code-Session-Id"] for wired in together.of("fine")} == {session}
    assert session not in {wired.request.headers["X-Claude-Code-Session-Id"] for wired in together.of("other")}


async def test_what_is_played_is_noted_as_it_ends() -> None:
    rehearsal = await rehearse(Story("fine", 0.0, fine))
    assert [played.story for played in rehearsal.outcome.played] == ["fine", "fine"]
    assert [played.edge for played in rehearsal.outcome.played] == ["root", "continues"]


async def test_each_story_begins_at_its_time() -> None:
    rests: list[float] = []

    class Noting(Pace):
        """Keeps what it is asked to wait."""

        async def rest(self, seconds: float) -> None:
            rests.append(seconds)

    await rehearse(Story("one", 7.25, fine), Story("other", 93.5, fine), pace=Noting())
    assert {7.25, 93.5} <= set(rests)
