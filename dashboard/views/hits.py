"""How does a hit look? What it is, where it leads, and the words around it; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlencode

from schemas.search_api import SearchHit

KINDS = MappingProxyType(
    {
        "prompt": "Prompt",
        "answer": "Answer",
        "thinking": "Thinking",
        "tool_input": "Tool input",
        "tool_result": "Tool result",
    }
)


@dataclass(frozen=True, slots=True)
class ShownHit:
    """A hit, ready to be shown."""

    hit: SearchHit
    label: str
    link: str
    """To the place in the reading view; to the request, as long as it belongs to no conversation."""


def shown_hits(hits: Iterable[SearchHit]) -> list[ShownHit]:
    return [ShownHit(hit, _label(hit), link_to(hit)) for hit in hits]


def link_to(hit: SearchHit) -> str:
    if hit.conversation_id is None or hit.branch_id is None or hit.request_class == "auxiliary":
        return f"/requests/{hit.request_id}"
    place = urlencode({"tab": "read", "branch": hit.branch_id, "message": hit.entry})
    return f"/conversations/{hit.conversation_id}?{place}"


def _label(hit: SearchHit) -> str:
    label = KINDS[hit.kind]
    if hit.request_class == "subagent" and hit.kind in {"prompt", "answer"}:
        label = f"{label} of a sub-agent" if hit.kind == "answer" else f"{label} to a sub-agent"
    return f"{label} · failed" if hit.is_error else label
