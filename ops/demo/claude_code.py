"""What does a person do with Claude Code? One running program: prompts, rewinds, compactions, side questions."""

import asyncio
from dataclasses import dataclass, replace

import msgspec

from ops.demo import phrases
from ops.demo.answers import Says
from ops.demo.blocks import Message, Text, ToolUse
from ops.demo.client import Request
from ops.demo.current_dialect import CurrentDialect
from ops.demo.dialect import Sending
from ops.demo.people import Person, Project
from ops.demo.played import AUXILIARY, Edge, Link, RequestClass
from ops.demo.stage import Exchange, PlayError, Stage
from ops.demo.story import Picture, Step
from ops.demo.threads import Ended, Thread, picture

_REACHES = Request("/api/hello", {"User-Agent": "Bun/1.4.4", "Accept": "*/*"}, method="HEAD")


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a conversation that one can go back to."""

    messages: tuple[Message, ...]
    exchange: Exchange


class ClaudeCode:
    """A session of one person in one project."""

    def __init__(self, stage: Stage, person: Person, project: Project) -> None:
        self._stage = stage
        self._who = f"{person.name} · {project.name}"
        self._project = project
        self._dialect = CurrentDialect(person, project, stage.today)
        self._before: tuple[Text, ...] = ()
        """What the client puts before the next prompt by itself …"""
        self._after: tuple[Message, ...] = ()
        """… and behind it."""
        self._main = Thread(
            stage=stage,
            dialect=self._dialect,
            role=self._dialect.main(),
            session_id=stage.ids.uuid(),
            ids=stage.ids,
            link=Link("main", "root"),
        )

    @property
    def here(self) -> Place:
        """After the newest answer."""
        return Place(self._main.messages, self._newest)

    async def begin(self) -> None:
        """Start the program: it looks whether its base URL answers."""
        await self._stage.client.send(_REACHES)

    async def is_named(self, title: str, prompt: str) -> None:
        """A session gets its title from the first prompt."""
        request = self._dialect.naming(self._main.session_id, prompt)
        content = (Text(msgspec.json.encode({"title": title}).decode()),)
        await self._stage.ask(lambda _: request, [Says(content, pause_s=0.5)], AUXILIARY)

    async def asks(self, prompt: str, *steps: Step, sees: Picture | None = None) -> None:
        """Type a prompt and let the model work until it is done, agents in the background included."""
        self._stage.tell_prompt(self._who, prompt)
        self._main.prompt_id = self._stage.ids.uuid()
        shown = (picture(sees),) if sees else ()
        if self._main.messages:
            self._main.add(Message("user", (*self._before, *shown, Text(prompt))))
            self._main.messages += self._after
        else:
            self._main.open(*shown, Text(prompt))
        self._before, self._after = (), ()
        async with asyncio.TaskGroup() as group:
            await self._main.run(steps, group)
            while self._main.background:
                await self._notified(await self._main.background.pop(0), group)
        if self._newest.left:
            self._tell("presses Escape")
            self._before = (Text(phrases.INTERRUPTED),)

    def rewinds_to(self, place: Place) -> None:
        """Forget what came after; the next prompt is a branch."""
        self._tell("goes back to an earlier answer")
        self._before = ()
        self._main.messages, self._main.last = place.messages, place.exchange
        self._main.link = Link("main", "branches", place.exchange.request_id)

    async def wonders(self, question: str, answer: str) -> None:
        """Ask beside the work (``/btw``); the conversation does not remember it."""
        self._tell(f"asks beside: “{question}”")
        await self._aside("auxiliary", "aside", phrases.ASIDE.format(question=question), answer)

    async def compacts(self, summary: str, words: str) -> None:
        """``/compact``: have the conversation summarised and go on from the summary."""
        self._tell("compacts the conversation")
        asked = phrases.SUMMARY_REQUEST + phrases.SUMMARY_WORDS.format(words=words)
        answer = f"<analysis>\nWent through the messages in order.\n</analysis>\n\n<summary>\n{summary}\n</summary>"
        exchange = await self._aside("compaction", "compacts", asked, answer)
        main = self._main
        continuation = phrases.CONTINUATION.format(
            tools=", ".join(sorted(_tools_used(main.messages))),
            summary=summary,
            transcript=phrases.transcript(self._project, main.session_id),
        )
        main.messages = (*self._dialect.continuation(continuation), main.messages[-1])
        main.link = Link("main", "resumes", exchange.request_id)
        main.hints = {"x-claude-code-context-compacted": "manual"}
        self._before = tuple(Text(text) for text in (phrases.signing_reminder(), *phrases.compact_command(words)))
        self._after = (self._dialect.surroundings(),)

    async def looks_at_context(self, parts: int) -> None:
        """``/context``: many requests at once that only count."""
        self._tell(f"looks at the context: {parts} countings")
        async with asyncio.TaskGroup() as group:
            for number in range(parts):
                group.create_task(self._counts(f"Part {number} of the context: {'word ' * (number * 40)}"))

    async def _counts(self, text: str) -> None:
        request = self._dialect.counting(self._main.session_id, Message("user", text))
        await self._stage.ask(lambda _: request, (), AUXILIARY)

    async def _notified(self, ended: Ended, group: asyncio.TaskGroup) -> None:
        """A background agent has ended; the client begins a turn by itself."""
        report = ended.report
        text = phrases.NOTIFICATION.format(
            agent=report.agent_id,
            tool_use=ended.tool_use_id,
            description=ended.delegate.description,
            report=report.report,
            tokens=report.tokens,
            tool_uses=report.tool_uses,
            duration_ms=report.duration_ms,
        )
        self._main.add(Message("user", (Text(text),)))
        await self._main.run(ended.delegate.afterwards, group)

    async def _aside(self, request_class: RequestClass, edge: Edge, text: str, answer: str) -> Exchange:
        """A side thread: the history, marked at its last answer, and behind it what the thread is about."""
        main = self._main
        sending = Sending(
            role=replace(main.role, request_class=request_class),
            session_id=main.session_id,
            messages=(*main.messages, Message("user", text)),
            marked=len(main.messages) - 1,
            hints={"x-claude-code-compaction": "manual"} if request_class == "compaction" else {},
        )
        link = Link(request_class, edge, self._newest.request_id)
        return await self._stage.ask(
            lambda change: self._dialect.request(sending, change), [Says((Text(answer),))], link
        )

    @property
    def _newest(self) -> Exchange:
        if self._main.last is None:
            raise PlayError("nothing was answered yet")
        return self._main.last

    def _tell(self, what: str) -> None:
        self._stage.say(f"{self._who} · {what}")


def _tools_used(messages: tuple[Message, ...]) -> set[str]:
    return {block.name for message in messages for block in message.content if isinstance(block, ToolUse)}
