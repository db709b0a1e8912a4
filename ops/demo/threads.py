"""How is a thread played? The model speaks, the client uses the tools, and asks on with what came of it.

A thread is the main line of a session or one agent. It knows what it did, and so it knows the link of its next
request: that is the truth a linker has to find out from the outside.
"""

import asyncio
import base64
from dataclasses import dataclass, field

from ops.demo import phrases
from ops.demo.answers import Answer, Fails, Says
from ops.demo.blocks import (
    AnswerBlock,
    Block,
    Image,
    ImageSource,
    Message,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    raw,
)
from ops.demo.dialect import HAIKU, AgentReport, Dialect, Role, Sending
from ops.demo.ids import Ids, signature
from ops.demo.played import Edge, Link
from ops.demo.stage import Exchange, PlayError, Stage
from ops.demo.story import BreaksOff, Call, Declines, Delegate, Said, Step, Thought

_ALL_TOKENS = 200_000


@dataclass(frozen=True, slots=True)
class Ended:
    """A background agent that has reported."""

    tool_use_id: str
    delegate: Delegate
    report: AgentReport


@dataclass(slots=True)
class Thread:
    """One line of requests. ``link`` is what the next request will be."""

    stage: Stage
    dialect: Dialect
    role: Role
    session_id: str
    ids: Ids
    link: Link
    prompt_id: str = ""
    messages: tuple[Message, ...] = ()
    hints: dict[str, str] = field(default_factory=dict)
    """For the next request only."""
    last: Exchange | None = None
    rounds: int = 0
    """Tool results sent so far."""
    tool_uses: int = 0
    background: "list[asyncio.Task[Ended]]" = field(default_factory=list)

    def open(self, *prompt: Block) -> None:
        """Begin with this."""
        self.messages = self.dialect.opening(self.role, prompt)

    def add(self, message: Message) -> None:
        self.messages = (*self.messages, message)

    async def run(self, steps: tuple[Step, ...], group: asyncio.TaskGroup) -> None:
        """Play the steps; agents in the background go on in ``group``."""
        for step in steps:
            exchange = await self._turn(step)
            if exchange.left:
                return
            results = await self._use_tools(step, exchange, group)
            if results:
                self.rounds += 1
                self.add(Message("user", results))
                self.messages += self.dialect.after_results(self.role, self.rounds)

    def follow(self, exchange: Exchange) -> None:
        """The next request goes on from this answer."""
        self.last = exchange
        edge: Edge = "interrupted" if exchange.left else "continues"
        self.link = Link(self.role.request_class, edge, exchange.request_id)

    async def _turn(self, step: Step) -> Exchange:
        hints, self.hints = self.hints, {}
        sending = Sending(
            role=self.role,
            session_id=self.session_id,
            messages=self.messages,
            marked=len(self.messages) - 1,
            prompt_id=self.prompt_id,
            hints=hints,
            leaves_after=step.interrupted_after,
        )
        written = self._written(step)
        answers = _answers(step, written)
        exchange = await self.stage.ask(lambda change: self.dialect.request(sending, change), answers, self.link)
        if not exchange.left and exchange.content != written:
            raise PlayError(f"{self.stage.story}: {exchange.request_id} was not answered by the script")
        self.add(Message("assistant", exchange.content))
        self.follow(exchange)
        return exchange

    def _written(self, step: Step) -> tuple[AnswerBlock, ...]:
        return tuple(_block(said, self.ids, self.dialect.task_tool) for said in step.says)

    async def _use_tools(self, step: Step, exchange: Exchange, group: asyncio.TaskGroup) -> tuple[ToolResult, ...]:
        """All at once; the results stand in the order in which they came."""
        uses = [block for block in exchange.content if isinstance(block, ToolUse)]
        calls = [said for said in step.says if isinstance(said, Call | Delegate)]
        results: list[ToolResult] = []

        async def use(tool_use: ToolUse, call: Call | Delegate) -> None:
            work = self._call(tool_use, call) if isinstance(call, Call) else self._delegate(tool_use, call, group)
            results.append(await work)

        async with asyncio.TaskGroup() as working:
            for pair in zip(uses, calls, strict=True):
                working.create_task(use(*pair))
        self.tool_uses += len(results)
        done = [call for call in calls if isinstance(call, Call)]
        if done:
            spent = ";".join(f"{call.tool}={round(call.takes_s * 1000)}" for call in done)
            self.hints = {"x-claude-code-prev-tool-durations": spent}
        return tuple(results)

    async def _call(self, use: ToolUse, call: Call) -> ToolResult:
        await self.stage.rest(call.takes_s)
        if isinstance(call.result, bytes):
            return ToolResult(use.id, (picture(call.result),), call.failed)
        reminder = phrases.REMAINING.format(tokens=_ALL_TOKENS - 900 * self.rounds) if self.role.model == HAIKU else ""
        return ToolResult(use.id, call.result + reminder, call.failed)

    async def _delegate(self, use: ToolUse, delegate: Delegate, group: asyncio.TaskGroup) -> ToolResult:
        agent = self._agent(delegate)
        if not delegate.background:
            report = await agent.work(delegate, group)
            return ToolResult(use.id, self.dialect.handed_back(agent.role, report))
        self.background.append(group.create_task(_reported(use, delegate, agent, group)))
        return ToolResult(use.id, (Text(phrases.LAUNCHED.format(agent=agent.role.agent_id)),))

    def _agent(self, delegate: Delegate) -> "Thread":
        """A thread of its own, spawned by the answer that was just heard."""
        if self.last is None:
            raise PlayError("only an answer can start an agent")
        agent_id = self.ids.agent()
        return Thread(
            stage=self.stage,
            dialect=self.dialect,
            role=self.dialect.agent(delegate.kind, agent_id, self.role, background=delegate.background),
            session_id=self.session_id,
            ids=self.ids.part(agent_id),
            link=Link("subagent", "spawned", self.last.request_id),
            prompt_id=self.prompt_id,
        )

    async def work(self, delegate: Delegate, group: asyncio.TaskGroup) -> AgentReport:
        """An agent's life, from its task to its report."""
        begun = self.stage.elapsed()
        self.open(Text(delegate.prompt))
        await self.run(delegate.steps, group)
        last = self.last
        if last is None or last.usage is None or self.role.agent_id is None:
            raise PlayError("an agent must do something")
        return AgentReport(
            agent_id=self.role.agent_id,
            report="\n".join(block.text for block in last.content if isinstance(block, Text)),
            tokens=last.usage.total,
            tool_uses=self.tool_uses,
            duration_ms=round((self.stage.elapsed() - begun) * 1000),
        )


def picture(png: bytes) -> Image:
    return Image(ImageSource("image/png", base64.b64encode(png).decode()))


async def _reported(use: ToolUse, delegate: Delegate, agent: Thread, group: asyncio.TaskGroup) -> Ended:
    return Ended(use.id, delegate, await agent.work(delegate, group))


def _block(said: Said, ids: Ids, task_tool: str) -> AnswerBlock:
    match said:
        case str():
            return Text(said)
        case Thought(text):
            return Thinking(text, signature(text))
        case Call():
            return ToolUse(ids.long("toolu_01"), said.tool, raw(dict(said.input)))
        case Delegate():
            asked = {"description": said.description, "prompt": said.prompt, "subagent_type": said.kind}
            where = {} if said.background or task_tool == "Task" else {"run_in_background": False}
            return ToolUse(ids.long("toolu_01"), task_tool, raw({**asked, **where}))


def _answers(step: Step, content: tuple[AnswerBlock, ...]) -> list[Answer]:
    stop_reason = "tool_use" if any(isinstance(block, ToolUse) for block in content) else "end_turn"
    answer = Says(content, stop_reason, step.pause_s, forgets=step.forgets, holds_after=step.interrupted_after)
    return [*(_trouble(trouble, content) for trouble in step.troubles), answer]


def _trouble(trouble: Fails | BreaksOff | Declines, content: tuple[AnswerBlock, ...]) -> Answer:
    match trouble:
        case Fails():
            return trouble
        case BreaksOff(after):
            return Says(content, breaks_after=after)
        case Declines():
            return Says((), "refusal")
