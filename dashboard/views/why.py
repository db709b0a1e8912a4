"""Why is an exchange linked as it is? Its link in, plain words with their evidence out.

The first piece of evidence is that of the class, all others are those of the edge. Kinds that are not known here are
shown as they are: linking may learn new ones, and a person may have corrected a link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.links import CONFIDENCE
from schemas.read_api import EvidenceItem

_CLASSES: Mapping[str, str] = {
    "main": "a turn of the main thread",
    "subagent": "a turn of a sub-agent",
    "compaction": "the call that summarises the history",
    "auxiliary": "a call the client makes for itself",
}
_EDGES: Mapping[str, tuple[str, str]] = {
    "root": ("Begins the conversation", ""),
    "continues": ("Continues the answer of", ""),
    "branches": ("Branches off after the answer of", ""),
    "forks": ("Takes the history of", "along into a new session"),
    "retries": ("Sends the messages of", "again"),
    "interrupted": ("Goes on from", ", whose answer was cut"),
    "spawned": ("Started by the answer of", ""),
    "compacts": ("Summarises the history up to", ""),
    "resumes": ("Goes on from the summary that", "gave"),
    "aside": ("A side question on the history of", ", which nothing goes on from"),
    "none": ("Stands alone, in no conversation", ""),
}
"""What stands before the parent's name, and behind it."""
MEANINGS: Mapping[str, str] = {
    "agent id": "the parent's tool result names this agent",
    "billing line": "the client's billing line says so",
    "class": "calls of this class have no parent",
    "correction": "a person has set this link",
    "continuation phrase": "it says that it goes on from a summary, but not in that summary's words",
    "equal answer, changed history": "the newest answer it holds is that one; what stands before it was changed",
    "history": "it holds that request and the answer recorded to it",
    "history in another session": "it holds that request and the answer recorded to it, in a session of its own",
    "history of another thread": "it was given that history, of another thread of the session",
    "history, answer cut": "it holds that request and the beginning of the answer, as far as it was shown",
    "history, without answer": "it holds that request; of the answer there was nothing to hold",
    "no earlier exchange": "there is nothing it could go on from",
    "no parent found": "what came before it was not recorded",
    "same messages": "the same messages once more",
    "same messages again": "the same messages once more, though they had been answered",
    "session": "only the session says so",
    "summary": "it begins with that summary, word for word",
    "task prompt": "it begins with the prompt of that call",
    "task prompt, by order": "several calls have this prompt; told apart by their order",
    "tool use id": "it was given the history with that very call in it",
    "tool use id, changed history": "the newest answer it holds made that call; what stands before it was changed",
}
_SURE: Sequence[tuple[float, str]] = (
    (1.0, "certain"),
    (0.95, "almost certain"),
    (0.85, "very likely"),
    (0.7, "likely"),
    (0.5, "uncertain"),
)
GUESS = "a guess"


class Linked(Protocol):
    """What has a link: a node of a tree, or a row of a list."""

    @property
    def request_class(self) -> str | None: ...
    @property
    def edge(self) -> str | None: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def evidence(self) -> list[EvidenceItem]: ...
    @property
    def tool_use_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An exchange that is spoken of."""

    request_id: UUID
    label: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence."""

    kind: str
    meaning: str
    """Empty: the kind says it all, or is not known."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A link in words."""

    class_words: str
    class_reason: Reason | None
    before: str
    """The sentence up to the parent; the whole of it where there is none."""
    call: str | None
    """The call in the parent's answer that started it."""
    parent: Neighbour | None
    after: str
    """The sentence behind the parent; empty: it ends there."""
    more: str
    """What only the other exchanges tell; empty: nothing."""
    reasons: tuple[Reason, ...]
    sure: str
    percent: int
    """The confidence; 100 is certain."""


def why(linked: Linked, parent: Neighbour | None = None, more: str = "") -> Why | None:
    """``more``: a sentence on what only the other exchanges tell. None: it is not linked yet."""
    if linked.edge is None:
        return None
    before, after = _EDGES.get(linked.edge, (linked.edge, ""))
    of_class = bool(linked.evidence) and linked.evidence[0].kind not in CONFIDENCE
    reasons = tuple(_reason(one) for one in linked.evidence)
    confidence = linked.confidence or 0.0
    return Why(
        class_words=_CLASSES.get(linked.request_class or "", linked.request_class or ""),
        class_reason=reasons[0] if of_class else None,
        before=before,
        call=linked.tool_use_id if linked.edge == "spawned" else None,
        parent=parent,
        after=after,
        more=more,
        reasons=reasons[of_class:],
        sure=sureness(confidence),
        percent=round(100 * confidence),
    )


def sureness(confidence: float) -> str:
    return next((words for least, words in _SURE if confidence >= least), GUESS)


def _reason(one: EvidenceItem) -> Reason:
    return Reason(one.kind, MEANINGS.get(one.kind, ""), one.detail)
