"""What kind of request is this? Decided before linking, from headers, path and body alone.

Classes (DESIGN §7): ``main``, ``subagent``, ``compaction`` (the summarising call), ``auxiliary`` (everything else:
titles, quota, side questions, helpers, count_tokens, what is no parsable Messages call).

A ``side`` thread stands on the main history without continuing it. Its sign needs no wording: the newest cache mark
is on an assistant message, because the client put the question behind it (2.1.117 to 2.1.330). Where a client sets no
cache marks at all, the question's words must do.

The answer has a say too (``answered``): a side thread that was answered with a summary is a compaction in whatever
words it was asked for, and what was asked for in the right words but not answered with one is none.
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
    WARM_UP,
    WEB_SEARCH_TOOL,
)
from domain.request_view import RequestView, SeenBlock, SeenMessage

RequestClass = Literal["main", "subagent", "compaction", "auxiliary"]
MESSAGES_PATH = "/v1/messages"
"""End of the path; a base URL may put something in front."""
MAX_BLOCKS = 20_000
"""No context window holds a talk of so many; whoever sends more is not linked, so that it costs the others nothing."""
HEADER = "request-class header"
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
    helper: bool = False
    """Auxiliary for want of tools alone: if a call gave it its prompt, it is a sub-agent without tools."""
    by_phrase: bool = False
    """Said on the strength of a phrase alone."""


def classify(target: str, headers: Mapping[str, str], view: RequestView | None) -> Classified:
    """``target``: path with query; ``headers``: kept values by lower-case name; ``view`` None: no JSON object."""
    path = urlsplit(target).path
    if not path.endswith(MESSAGES_PATH):
        return Classified("auxiliary", Evidence("path", path[:200]))
    if view is None or not view.messages:
        return Classified("auxiliary", Evidence("body", "not a Messages request"))
    if sum(len(message.blocks) for message in view.messages) > MAX_BLOCKS:
        return Classified("auxiliary", Evidence("body", f"more than {MAX_BLOCKS} blocks"))
    found = _by_body(view, headers)
    hinted = _HINTS.get(headers.get("x-claude-code-request-class", ""))
    if hinted is None:
        return found
    return Classified(hinted, Evidence(HEADER, hinted), side=found.side and hinted == "auxiliary")


def answered(found: Classified, *, with_summary: bool, finished: bool) -> Classified:
    """The class, now that the answer is known as well. What the client itself says of its request stands."""
    if found.evidence.kind == HEADER:
        return found
    if found.side and with_summary:
        return Classified("compaction", Evidence("summary request", "structure, and the answer is a summary"))
    if found.by_phrase and finished and not with_summary:
        return Classified("main", Evidence("tools and history", "the answer is no summary"))
    return found


def _by_body(view: RequestView, headers: Mapping[str, str]) -> Classified:
    if not is_claude_code(view, headers):
        return Classified("main", Evidence("plain API client"))
    side, summarises = is_side_thread(view), asks_for_summary(view)
    if summarises and (side or is_summarizer(view)):
        return Classified("compaction", Evidence("summary request", "phrase and structure"))
    helper = _helper(view)
    if helper is not None:
        return helper
    if summarises and not view.caches:
        return Classified("compaction", Evidence("summary request", "phrase alone"), by_phrase=True)
    if side:
        return Classified("auxiliary", Evidence("side thread", "newest cache mark on an assistant message"), side=True)
    if _asks_aside(view):
        return Classified("auxiliary", Evidence("side thread", "phrase alone"), side=True)
    return _by_agent(view, headers)


def _by_agent(view: RequestView, headers: Mapping[str, str]) -> Classified:
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
    marked = view.newest_mark
    return marked is not None and view.messages[marked].role == "assistant" and marked < len(view.messages) - 1


def _asks_aside(view: RequestView) -> bool:
    """The words of a side question behind an answer, from a client that sets no cache marks."""
    asks = any(block.facts.side_question for block in _newest_by_user(view))
    return asks and not view.caches and has_history(view.messages)


def _newest_by_user(view: RequestView) -> tuple[SeenBlock, ...]:
    return next((message.blocks for message in reversed(view.messages) if message.role == "user"), ())


def asks_for_summary(view: RequestView) -> bool:
    """The phrase in the last user message; a system message may follow it."""
    return any(SUMMARY_REQUEST.search(block.facts.text) for block in _newest_by_user(view))


def is_summarizer(view: RequestView) -> bool:
    """Until 2.0.x the summarising call has a system prompt and a tool of its own."""
    tools = tuple(tool.name for tool in view.tools)
    return tools == SUMMARIZER_TOOLS and any(SUMMARIZER_SYSTEM.search(text) for text in view.system)


def _helper(view: RequestView) -> Classified | None:
    """Side requests have no tools, or the web search alone."""
    if _is_warm_up(view):
        return Classified("auxiliary", Evidence("warm-up", "phrase alone"), helper=not view.tools)
    if not view.tools:
        return None if _talks_without_tools(view) else Classified("auxiliary", Evidence("tools", "none"), helper=True)
    search = all(tool.kind.startswith(WEB_SEARCH_TOOL) for tool in view.tools)
    return Classified("auxiliary", Evidence("tools", "web search alone")) if search else None


def _talks_without_tools(view: RequestView) -> bool:
    """``--tools ""``: all is as in any talk but for the empty list, the cache mark at the end too. From 2.1.20 on, when
    helpers have such a mark as well, a talk thinks or keeps its thinking; a helper does neither."""
    if not view.lists_tools or view.formatted or view.newest_mark is None:
        return False
    at_the_end = all(message.role == "system" for message in view.messages[view.newest_mark + 1 :])
    side = view.messages[view.newest_mark].role == "assistant"
    return (at_the_end or side) and (view.thinks or not billing_line(view))


def _is_warm_up(view: RequestView) -> bool:
    if len(view.messages) > 1:
        return False
    return [block.facts.text for message in view.messages for block in message.blocks if block.facts.text] == [WARM_UP]


def has_history(messages: tuple[SeenMessage, ...]) -> bool:
    return any(message.role == "assistant" for message in messages)
