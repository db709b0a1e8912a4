"""Where in the forest of conversations does a linked exchange stand? What a child takes over from its parent.

A conversation is the component joined by all edges but ``root`` and ``none``; its id is its root's request id. A
branch is named by the request id of its first exchange. A sub-task is one level deeper than who started it.
"""

from dataclasses import dataclass
from uuid import UUID

from domain.classification import RequestClass
from domain.links import Edge

_NEW_BRANCH: frozenset[Edge] = frozenset({"root", "branches", "forks", "spawned"})


@dataclass(frozen=True, slots=True)
class Place:
    """An exchange's place; a conversation of None: it stands alone."""

    conversation: UUID | None
    branch: UUID | None
    depth: int
    """Of sub-tasks: 0 on the main thread."""
    request_class: RequestClass
    """The class after linking: a sub-task of an old client shows by its link alone."""
    subtask: UUID | None = None
    """The first exchange of the innermost sub-task around it; None: the main thread."""


def place(request_id: UUID, edge: Edge, declared: RequestClass, parent: Place | None) -> Place:
    """``parent`` None: the edge has none."""
    if edge == "none":
        return Place(None, None, 0, declared)
    if parent is None or parent.conversation is None:
        return Place(request_id, request_id, 0, declared)
    depth = parent.depth + (edge == "spawned")
    return Place(
        conversation=parent.conversation,
        branch=request_id if edge in _NEW_BRANCH else parent.branch,
        depth=depth,
        request_class=_class_of(edge, declared, depth),
        subtask=request_id if edge == "spawned" else parent.subtask,
    )


def _class_of(edge: Edge, declared: RequestClass, depth: int) -> RequestClass:
    """Below a spawned request everything is a sub-agent's, but what is of a class of its own."""
    if declared == "main" or (declared == "auxiliary" and edge not in {"aside", "none"}):
        return "subagent" if depth else "main"
    return declared
