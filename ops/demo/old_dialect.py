"""How did Claude Code 2.0.76 speak? No session or agent headers, an older ``user_id``, no system messages."""

from datetime import date

import msgspec

from ops.demo import phrases, tools
from ops.demo.blocks import Block, CacheControl, Message, Text, ToolResult
from ops.demo.client import Request
from ops.demo.dialect import HAIKU, MESSAGES_PATH, AgentReport, Body, Role, Sending, rendered
from ops.demo.people import Person, Project
from ops.demo.retrying import Again

SONNET = "claude-sonnet-4-5-20250929"
_THINKS = "interleaved-thinking-2025-05-14"
_MAX_TOKENS, _MAX_TOKENS_WHOLE = 32_000, 21_333
_PATIENCE = 4
"""Messages without a word about the list of things to be done."""
_AGENT_DIGITS = 8
"""Characters of an agent id that the client shows; no request says it."""


class OldDialect:
    """See the protocol ``Dialect``."""

    task_tool = "Task"

    def __init__(self, person: Person, project: Project, _today: date) -> None:
        self._person = person
        self._project = project

    def main(self) -> Role:
        return Role("main", SONNET, phrases.main_prompt(self._project), tools.OLD_MAIN)

    def agent(self, kind: str, agent_id: str, parent: Role, *, background: bool) -> Role:
        return Role(
            request_class="subagent",
            model=parent.model,
            prompt=phrases.AGENT_PROMPTS[kind],
            tools=tools.OLD_AGENT,
            agent_id=agent_id,
            agent_type=kind,
            background=background,
        )

    def opening(self, _role: Role, prompt: tuple[Block, ...]) -> tuple[Message, ...]:
        notes, _ = phrases.project_reminders(self._project)
        return (Message("user", (Text(notes), *prompt)),)

    def after_results(self, _role: Role, _round_number: int) -> tuple[Message, ...]:
        return ()

    def handed_back(self, _role: Role, report: AgentReport) -> tuple[Text, ...]:
        shown = report.agent_id[:_AGENT_DIGITS]
        return Text(report.report), Text(phrases.OLD_RESUMABLE.format(agent=shown))

    def request(self, sending: Sending, change: Again) -> Request:
        control = CacheControl()
        body = Body(
            model=sending.role.model,
            messages=rendered(_nagged(sending.messages), _marked(sending), control),
            system=(Text(phrases.IDENTITY, control), Text(sending.role.prompt, control)),
            tools=sending.role.tools,
            metadata=self._metadata(sending.session_id),
            max_tokens=_MAX_TOKENS_WHOLE if change.whole else _MAX_TOKENS,
            stream=msgspec.UNSET if change.whole else True,
        )
        headers = self._headers(f"claude-code-20250219,{_THINKS}")
        return Request(MESSAGES_PATH, headers, msgspec.json.encode(body), leaves_after=sending.leaves_after)

    def naming(self, session_id: str, prompt: str) -> Request:
        """It names nothing, but asks a small model about the project's history at the start."""
        return self._small(session_id, phrases.OLD_HISTORY, f"Files modified by user:\n\n{prompt[:40]}")

    def paths(self, session_id: str, command: str, output: str) -> Request:
        """It asks a small model what each command touched."""
        return self._small(session_id, phrases.OLD_PATHS, f"Command: {command}\nOutput: {output[:400]}\n\n")

    def _small(self, session_id: str, prompt: str, asked: str) -> Request:
        body = Body(
            model=HAIKU,
            messages=(Message("user", (Text(asked),)),),
            system=(Text(phrases.IDENTITY), Text(prompt)),
            tools=(),
            metadata=self._metadata(session_id),
            max_tokens=_MAX_TOKENS,
            stream=True,
        )
        return Request(MESSAGES_PATH, self._headers(_THINKS), msgspec.json.encode(body))

    def _metadata(self, session_id: str) -> dict[str, str]:
        return {"user_id": f"user_{self._person.device_id}_account__session_{session_id}"}

    def _headers(self, betas: str) -> dict[str, str]:
        credential, value = self._person.credential
        return {
            "Connection": "keep-alive",
            "Accept": "application/json",
            "X-Stainless-Retry-Count": "0",
            "X-Stainless-Timeout": "600",
            "X-Stainless-Lang": "js",
            "X-Stainless-Package-Version": "0.70.0",
            "X-Stainless-OS": "Linux",
            "X-Stainless-Arch": "x64",
            "X-Stainless-Runtime": "node",
            "X-Stainless-Runtime-Version": "v20.20.2",
            "anthropic-dangerous-direct-browser-access": "true",
            "anthropic-version": "2023-06-01",
            credential: value,
            "x-app": "cli",
            "User-Agent": f"claude-cli/{self._person.version} (external, {self._person.entry})",
            "Content-Type": "application/json",
            "anthropic-beta": betas,
            "x-stainless-helper-method": "stream",
            "Accept-Language": "*",
            "Sec-Fetch-Mode": "cors",
            "Accept-Encoding": "gzip, deflate",
        }


def _marked(sending: Sending) -> set[int]:
    """The newest message and the answer before it."""
    answers = [number for number, message in enumerate(sending.messages) if message.role == "assistant"]
    return {sending.marked, *answers[-1:]}


def _nagged(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """A reminder of the list of things to be done, behind the newest tool results; the next request has it no more."""
    *before, last = messages
    if len(before) < _PATIENCE or not isinstance(last.content[-1], ToolResult):
        return messages
    nagged = msgspec.structs.replace(last, content=(*last.content, Text(phrases.OLD_TODO_REMINDER)))
    return (*before, nagged)
