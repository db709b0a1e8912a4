"""How does Claude Code 2.1.330 speak? Headers, identity, body, and what it writes in by itself."""

import hashlib
from datetime import date

import msgspec

from ops.demo import phrases, tools
from ops.demo.blocks import Block, CacheControl, Message, OutputConfig, Text, raw
from ops.demo.client import Request
from ops.demo.dialect import HAIKU, MESSAGES_PATH, AgentReport, Body, Role, Sending, rendered
from ops.demo.people import Person, Project
from ops.demo.retrying import Again

COUNT_PATH = "/v1/messages/count_tokens?beta=true"
OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5"
EXPLORE = "Explore"
_COMMON = "claude-code-20250219,interleaved-thinking-2025-05-14"
_TURNS = "context-management-2025-06-27,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01"
_BETAS = f"{_COMMON},{_TURNS},thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24"
_SHOWS_THINKING = ",thinking-display-updates-2026-08-18"
_SUBSCRIBED = ",oauth-2025-04-20,extended-cache-ttl-2025-04-11"
_FALLBACK = ",fallback-credit-2026-06-01"
_NAMING_BETAS = f"{_COMMON},redact-thinking-2026-02-12,{_TURNS},effort-2025-11-24,structured-outputs-2025-12-15"
_COUNTING_BETAS = f"{_COMMON},context-management-2025-06-27,token-counting-2024-11-01"
_EFFORT = "medium"
_KEEP_THINKING = raw({"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]})
_MAX_TOKENS, _MAX_TOKENS_WHOLE = 128_000, 64_000
_TIMEOUT_S, _TIMEOUT_WHOLE_S = 600, 300


class CurrentDialect:
    """See the protocol ``Dialect``."""

    task_tool = "Agent"

    def __init__(self, person: Person, project: Project, today: date) -> None:
        self._person = person
        self._project = project
        self._today = today

    def main(self) -> Role:
        model = SONNET if self._person.subscribed else OPUS
        return Role("main", model, phrases.main_prompt(self._project), tools.MAIN)

    def agent(self, kind: str, agent_id: str, parent: Role, *, background: bool) -> Role:
        explores = kind == EXPLORE
        return Role(
            request_class="subagent",
            model=HAIKU if explores else parent.model,
            prompt=phrases.AGENT_PROMPTS[kind],
            tools=tools.EXPLORER if explores else tools.AGENT,
            agent_id=agent_id,
            parent_agent_id=parent.agent_id,
            agent_type=kind,
            background=background,
        )

    def opening(self, role: Role, prompt: tuple[Block, ...]) -> tuple[Message, ...]:
        notes, status = phrases.project_reminders(self._project)
        reminders = tuple(Text(text) for text in (phrases.signing_reminder(), notes, status))
        first = Message("user", (*reminders, *prompt))
        if role.model == HAIKU:  # takes no system messages
            return (first,)
        return first, msgspec.structs.replace(self.surroundings(), output_config=OutputConfig(_EFFORT))

    def surroundings(self) -> Message:
        """Where the client runs."""
        return Message("system", (Text(phrases.environment(self._person, self._project, self._today)),))

    def continuation(self, text: str) -> tuple[Message, ...]:
        """The first messages after a compaction: the summary, and nothing where the surroundings were."""
        return Message("user", text), Message("system", (), OutputConfig(_EFFORT))

    def after_results(self, role: Role, round_number: int) -> tuple[Message, ...]:
        if round_number == 1 and role.agent_type == "general-purpose":
            return (Message("system", (Text(phrases.AGENT_TYPES),)),)
        return ()

    def handed_back(self, role: Role, report: AgentReport) -> tuple[Text, ...]:
        if role.agent_type == EXPLORE:  # says nothing of itself
            return (Text(report.report),)
        text = phrases.HAND_BACK.format(
            report=report.report,
            agent=report.agent_id,
            tokens=report.tokens,
            tool_uses=report.tool_uses,
            duration_ms=report.duration_ms,
        )
        return (Text(text),)

    def request(self, sending: Sending, change: Again) -> Request:
        role = sending.role
        shows = role.agent_id is None or role.background
        body = Body(
            model=role.model,
            messages=rendered(sending.messages, {sending.marked}, self._control),
            system=self._system(sending),
            tools=role.tools,
            metadata=self._metadata(sending.session_id),
            max_tokens=_MAX_TOKENS_WHOLE if change.whole else _MAX_TOKENS,
            thinking=raw({"type": "adaptive", "display": "updates" if shows else "omitted"}),
            context_management=_KEEP_THINKING,
            output_config=OutputConfig(_EFFORT),
            stream=not change.whole,
        )
        compacts = role.request_class == "compaction"
        betas = _BETAS + (_SHOWS_THINKING if shows else "") + (_FALLBACK if change.fallback or compacts else "")
        headers = self._headers(sending.session_id, betas)
        headers["X-Stainless-Timeout"] = str(_TIMEOUT_WHOLE_S if change.whole else _TIMEOUT_S)
        headers |= _agent_headers(role) | self._hints(sending)
        return Request(MESSAGES_PATH, headers, msgspec.json.encode(body), leaves_after=sending.leaves_after)

    def naming(self, session_id: str, prompt: str) -> Request:
        body = Body(
            model=self.main().model,
            messages=(Message("user", (Text(phrases.NAMING_REQUEST.format(prompt=prompt)),)),),
            system=(Text(self._billing(prompt)), Text(phrases.IDENTITY), Text(phrases.NAMING)),
            tools=(),
            metadata=self._metadata(session_id),
            max_tokens=_MAX_TOKENS,
            output_config=OutputConfig(_EFFORT, msgspec.Raw(phrases.TITLE_SCHEMA)),
            stream=True,
        )
        headers = self._headers(session_id, _NAMING_BETAS) | {"X-Stainless-Timeout": str(_TIMEOUT_S)}
        if self._person.hints:
            headers["x-claude-code-request-class"] = "auxiliary"
        return Request(MESSAGES_PATH, headers, msgspec.json.encode(body))

    def counting(self, session_id: str, message: Message) -> Request:
        """Ask how long something is, as ``/context`` does."""
        body = {"model": self.main().model, "messages": [message], "tools": []}
        return Request(COUNT_PATH, self._headers(session_id, _COUNTING_BETAS), msgspec.json.encode(body))

    @property
    def _control(self) -> CacheControl:
        return CacheControl("1h" if self._person.subscribed else None)

    def _system(self, sending: Sending) -> tuple[Text, ...]:
        billing = self._billing(_first_prompt(sending.messages))
        if sending.role.agent_id is not None:
            billing += phrases.BILLING_AGENT
        return (
            Text(billing),
            Text(phrases.IDENTITY, self._control),
            Text(sending.role.prompt, self._control),
        )

    def _billing(self, prompt: str) -> str:
        suffix = hashlib.sha256(prompt.encode()).hexdigest()[:3]
        return phrases.BILLING.format(version=self._person.version, suffix=suffix, entry=self._person.entry)

    def _metadata(self, session_id: str) -> dict[str, str]:
        person = self._person
        who = {"device_id": person.device_id, "account_uuid": person.account_uuid, "session_id": session_id}
        return {"user_id": msgspec.json.encode(who).decode()}

    def _headers(self, session_id: str, betas: str) -> dict[str, str]:
        person = self._person
        credential, value = person.credential
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"claude-cli/{person.version} (external, {person.entry})",
            "X-Claude-Code-Session-Id": session_id,
            "X-Stainless-Arch": "x64",
            "X-Stainless-Lang": "js",
            "X-Stainless-OS": "Linux",
            "X-Stainless-Package-Version": "0.128.0",
            "X-Stainless-Retry-Count": "0",
            "X-Stainless-Runtime": "node",
            "X-Stainless-Runtime-Version": "v26.12.1",
            "anthropic-beta": betas + (_SUBSCRIBED if person.subscribed else ""),
            "anthropic-dangerous-direct-browser-access": "true",
            "anthropic-version": "2023-06-01",
            credential: value,
            "x-app": "cli",
            "Connection": "keep-alive",
            "Accept-Encoding": "gzip, deflate, br, zstd",
        }

    def _hints(self, sending: Sending) -> dict[str, str]:
        if not self._person.hints:
            return {}
        role = sending.role
        hints = {"x-claude-code-request-class": role.request_class, **sending.hints}
        if role.agent_type:
            hints["x-claude-code-agent-type"] = role.agent_type
        if sending.prompt_id and role.request_class in {"main", "subagent"}:
            hints["x-claude-code-prompt-id"] = sending.prompt_id
        return hints


def _agent_headers(role: Role) -> dict[str, str]:
    """Only sub-agents have an id, only nested ones a parent's."""
    headers = {"x-claude-code-agent-id": role.agent_id, "x-claude-code-parent-agent-id": role.parent_agent_id}
    return {name: value for name, value in headers.items() if value is not None}


def _first_prompt(messages: tuple[Message, ...]) -> str:
    """What the billing line's version suffix follows from; the first line of a continuation is always the same."""
    content = messages[0].content
    texts = [content] if isinstance(content, str) else [block.text for block in content if isinstance(block, Text)]
    return texts[-1].partition("\n")[0]
