"""What was said in a conversation? Which prompts of its exchanges somebody typed, and how many messages they add."""

from domain.phrases import CONTINUATION
from schemas.read_api import TreeNode

_BESIDE = frozenset({"compaction", "auxiliary"})
"""Classes of the client's own calls, which stand beside the talk and add nothing to it."""


def typed(node: TreeNode) -> str | None:
    """The beginning of its prompt; None: it brings tool results alone, or the client wrote the text."""
    if node.request_class == "compaction" or node.prompt is None or node.prompt.startswith(CONTINUATION):
        return None
    return node.prompt


def messages_in(node: TreeNode) -> int:
    """Its prompt, unless it is tried again, and its answer, if that was finished."""
    if node.request_class in _BESIDE:
        return 0
    return (typed(node) is not None and node.edge != "retries") + (node.stop_reason is not None)
