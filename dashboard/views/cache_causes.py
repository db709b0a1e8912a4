"""How does a cause of a cache miss read, and what can one do? ``docs/cache.md`` in a line each."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.cache_api import CacheDivergence


@dataclass(frozen=True, slots=True)
class CauseWords:
    """What a cause is called, what was seen, and what helps."""

    title: str
    seen: str
    advice: str
    """Empty: nothing does."""


CAUSES: Mapping[str, CauseWords] = MappingProxyType(
    {
        "model_changed": CauseWords(
            "Another model", "Another model answered; every model has its own cache.",
            "Change the model at the beginning of a task.",
        ),
        "account_changed": CauseWords(
            "Another account", "Another account or organisation paid; caches are not shared.",
            "Keep a session on one account.",
        ),
        "tools_changed": CauseWords(
            "Tools changed", "Tools were added, removed or described otherwise; they stand before everything else.",
            "Connect MCP servers before the session, and leave them be during it.",
        ),
        "tools_reordered": CauseWords(
            "Tools in another order", "The same tools came in another order.",
            "Have the MCP server list its tools in a fixed order.",
        ),
        "system_inserted": CauseWords(
            "System prompt: text put in", "Blocks were put into the system prompt.",
            "Look what put them there: hooks, output styles, plug-ins.",
        ),
        "system_changed": CauseWords(
            "System prompt: text changed", "The system prompt has another text, or a block less.",
            "Take dates, git state and other changing text out of the system prompt.",
        ),
        "message_inserted": CauseWords(
            "History: text put in", "Blocks were put in before what had been sent.",
            "Look at hooks that inject context, and at the client's version.",
        ),
        "history_changed": CauseWords(
            "History changed", "Earlier blocks were changed, replaced or taken out.",
            "Look at tools that edit or trim the history, and at rewinds with edits.",
        ),
        "mark_moved": CauseWords(
            "Mark too far away", "No cache mark looks back as far as the newest entry.",
            "Send fewer blocks at once, as parallel tool calls do; set marks at the end of the history.",
        ),
        "ttl_lapsed": CauseWords(
            "Entry ran out", "The entry was not used for longer than it lives.",
            "Make shorter breaks, or use entries of one hour.",
        ),
        "effort_changed": CauseWords(
            "Effort or thinking changed", "Effort, thinking, tool choice, speed or context management changed.",
            "Set them at the beginning.",
        ),
        "beta_changed": CauseWords(
            "Beta features changed", "The header anthropic-beta changed, and nothing else.",
            "Use the same client version throughout.",
        ),
        "compaction": CauseWords(
            "Compaction", "The history was replaced by its summary: no miss, but a price.", "",
        ),
        "provider_suspected": CauseWords(
            "Provider suspected", "The same blocks came in time, all else equal, and were not read.",
            "Keep the examples for support.",
        ),
        "unknown": CauseWords(
            "Not known", "Evidence is missing, or several causes cannot be told apart.", "",
        ),
        "none": CauseWords("Nothing lost", "What had been cached was read, as far as it was sent again.", ""),
        "first": CauseWords("First request", "It goes on from nothing that was said before.", ""),
    }
)  # fmt: skip


def words_of(cause: str) -> CauseWords:
    """Of one that has no words here, its name."""
    return CAUSES.get(cause) or CauseWords(cause.replace("_", " "), "", "")


def place_words(divergence: CacheDivergence) -> str:
    """Where the prompt is not as before: ``tool 3, Bash``, ``message 5, user, tool_result``; counted from 1."""
    section = {"tool": "tool", "system": "system block", "message": "message"}[divergence.section]
    parts = [f"{section} {divergence.place + 1}", divergence.name, divergence.role, divergence.kind]
    shown = parts if divergence.section == "message" else parts[:2]
    return ", ".join(filter(None, shown))
