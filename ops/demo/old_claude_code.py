"""What does a person do with an old Claude Code (2.0.76)? Prompts, and the small questions it asks by itself."""

import asyncio

from ops.demo.answers import Says
from ops.demo.blocks import Message, Text
from ops.demo.client import Request
from ops.demo.old_dialect import OldDialect
from ops.demo.people import Person, Project
from ops.demo.played import AUXILIARY, Link
from ops.demo.stage import Stage
from ops.demo.story import Step
from ops.demo.threads import Thread


class OldClaudeCode:
    """A session of one person in one project."""

    def __init__(self, stage: Stage, person: Person, project: Project) -> None:
        self._stage = stage
        self._who = f"{person.name} · {project.name}"
        self._dialect = OldDialect(person, project, stage.today)
        self._main = Thread(
            stage=stage,
            dialect=self._dialect,
            role=self._dialect.main(),
            session_id=stage.ids.uuid(),
            ids=stage.ids,
            link=Link("main", "root"),
        )

    async def begin(self, prompt: str, answer: str) -> None:
        """It asks a small model about the project."""
        await self._asks_small(self._dialect.naming(self._main.session_id, prompt), answer)

    async def asks(self, prompt: str, *steps: Step) -> None:
        """Type a prompt and let the model work until it is done."""
        self._stage.tell_prompt(self._who, prompt)
        if self._main.messages:
            self._main.add(Message("user", (Text(prompt),)))
        else:
            self._main.open(Text(prompt))
        async with asyncio.TaskGroup() as group:
            await self._main.run(steps, group)

    async def names_files_of(self, command: str, output: str, answer: str) -> None:
        """It asks a small model which files a command touched."""
        await self._asks_small(self._dialect.paths(self._main.session_id, command, output), answer)

    async def _asks_small(self, request: Request, answer: str) -> None:
        await self._stage.ask(lambda _: request, [Says((Text(answer),), pause_s=0.3)], AUXILIARY)
