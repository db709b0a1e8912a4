"""What kind of request is this? Decided before linking, from headers, path and body alone.

Classes (DESIGN §7): ``main``, ``subagent``, ``compaction`` (the summarising call), ``auxiliary`` (everything else:
titles, quota, side questions, helpers, count_tokens, what is no parsable Messages call).

A ``side`` thread stands on the main history without continuing it. Its sign needs no wording: the newest cache mark
is on an assistant message, because the client put the question behind it (2.1.117 to 2.1.330).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from domain.phrases import (
    BILLING_LINE,
    CLIENT_AGENT,
    SUBAGENT_BILLING,
    SUMMARIZER_SYSTEM,
    SUMMARIZER_TOOLS,
    SUMMARY_REQUEST,
    WEB_SEARCH_TOOL,
)
from domain.request_view import RequestView, SeenMessage

RequestClass = Literal["main", "subagent", "compaction", "auxiliary"]
MESSAGES_PATH = "/v1/messages"
_HINTS: Mapping[str, RequestClass] = {
    "main": "main",
    "subagent": "subagent",
    "workflow": "subagent",
    "compaction": "compaction",
    "auxiliary": "auxiliary",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why something is said."""

    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Classified:
    """A request's class and why."""

    request_class: RequestClass
    evidence: Evidence
    side: bool = False
    """A side thread on the main history: an ``aside``, if its history is known."""


def classify(target: str, headers: Mapping[str, str], view: RequestView | None) -> Classified:
    """``target``: path with query; ``headers``: kept values by lower-case name; ``view`` None: no JSON object."""
    path = urlsplit(target).path
    if path != MESSAGES_PATH:
        return Classified("auxiliary", Evidence("path", path[:200]))
    if view is None or not view.messages:
        return Classified("auxiliary", Evidence("body", "not a Messages request"))
    hinted = _HINTS.get(headers.get("x-claude-code-request-class", ""))
    found = _by_body(view, headers)
    if hinted is None:
        return found
    return Classified(hinted, Evidence("request-class header", hinted), side=found.side and hinted == "auxiliary")


def _by_body(view: RequestView, headers: Mapping[str, str]) -> Classified:
    if not is_claude_code(view, headers):
        return Classified("main", Evidence("plain API client"))
    side, summarises = is_side_thread(view), asks_for_summary(view)
    if summarises and (side or is_summarizer(view)):
        return Classified("compaction", Evidence("summary request", "phrase and structure"))
    helper = _helper_tools(view)
    if helper:
        return Classified("auxiliary", Evidence("tools", helper))
    if summarises:
        return Classified("compaction", Evidence("summary request", "phrase alone"))
    if side:
        return Classified("auxiliary", Evidence("side thread", "newest cache mark on an assistant message"), side=True)
    if "x-claude-code-agent-id" in headers:
        return Classified("subagent", Evidence("agent header", headers["x-claude-code-agent-id"][:80]))
    if SUBAGENT_BILLING in billing_line(view):
        return Classified("subagent", Evidence("billing line", SUBAGENT_BILLING))
    return Classified("main", Evidence("tools and history"))


def is_claude_code(view: RequestView, headers: Mapping[str, str]) -> bool:
    """Does the request carry any mark of Claude Code? Plain API clients carry none."""
    return (
        headers.get("user-agent", "").startswith(CLIENT_AGENT)
        or "x-claude-code-session-id" in headers
        or view.identity.session is not None
        or bool(billing_line(view))
    )


def billing_line(view: RequestView) -> str:
    first = view.system[0] if view.system else ""
    return first if first.startswith(BILLING_LINE) else ""


def is_side_thread(view: RequestView) -> bool:
    """The newest message with a cache mark is the assistant's, and the client's question follows it."""
    marked = [number for number, message in enumerate(view.messages) if any(block.marked for block in message.blocks)]
    return bool(marked) and view.messages[marked[-1]].role == "assistant" and marked[-1] < len(view.messages) - 1


def asks_for_summary(view: RequestView) -> bool:
    """The phrase in the last user message; a system message may follow it."""
    users = [message for message in view.messages if message.role == "user"]
    return bool(users) and any(SUMMARY_REQUEST.search(block.facts.text) for block in users[-1].blocks)


def is_summarizer(view: RequestView) -> bool:
    """Until 2.0.x the summarising call has a system prompt and a tool of its own."""
    tools = tuple(tool.name for tool in view.tools)
    return tools == SUMMARIZER_TOOLS and any(SUMMARIZER_SYSTEM.search(text) for text in view.system)


def _helper_tools(view: RequestView) -> str:
    """Side requests have no tools, or the web search alone."""
    if not view.tools:
        return "none"
    search = all(tool.kind.startswith(WEB_SEARCH_TOOL) for tool in view.tools)
    return "web search alone" if search else ""


def has_history(messages: tuple[SeenMessage, ...]) -> bool:
    return any(message.role == "assistant" for message in messages)
