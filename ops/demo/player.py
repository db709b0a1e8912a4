"""How is the whole play played? Every story at its time, side by side; then what was played is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from ops.demo.answers import Script
from ops.demo.client import connected
from ops.demo.ids import Ids
from ops.demo.pace import Pace
from ops.demo.played import Played
from ops.demo.stage import PlayError, Stage


@dataclass(frozen=True, slots=True)
class Story:
    """A session, or a few that belong together."""

    name: str
    begins_s: float
    """At a human pace, so long after the beginning."""
    tell: Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Play:
    """How a performance is given."""

    script: Script
    """The stand-in's; what the stories need is written into it."""
    pace: Pace
    seed: str
    """All ids follow from it."""
    today: date
    say: Callable[[str], None] = lambda _: None
    """Gets a line for whoever watches."""
    note: Callable[[Played], None] = lambda _: None
    """Gets every exchange at its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    played: list[Played] = field(default_factory=list)
    """In the order in which they ended."""
    failed: list[str] = field(default_factory=list)
    """Why stories broke off."""


async def play(base_url: str, stories: Sequence[Story], how: Play) -> Outcome:
    """Play all stories against the API at ``base_url``: a gateway, or the stand-in itself."""
    outcome = Outcome()
    ids = Ids(how.seed)
    async with asyncio.TaskGroup() as group:
        for story in stories:
            group.create_task(_tell(base_url, story, how, ids.part(story.name), outcome))
    return outcome


async def _tell(base_url: str, story: Story, how: Play, ids: Ids, outcome: Outcome) -> None:
    """One story; when it breaks off the others go on."""

    def note(played: Played) -> None:
        outcome.played.append(played)
        how.note(played)

    await how.pace.rest(story.begins_s)
    async with connected(base_url) as client:
        stage = Stage(story.name, client, how.script, how.pace, ids, how.today, time.monotonic, note, how.say)
        try:
            await story.tell(stage)
        except* PlayError as errors:
            outcome.failed.extend(_reasons(errors))


def _reasons(errors: BaseExceptionGroup[PlayError]) -> list[str]:
    return [str(error) if isinstance(error, PlayError) else "; ".join(_reasons(error)) for error in errors.exceptions]
