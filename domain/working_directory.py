"""In which folder does the client work? What Claude Code says of its environment, in any of its forms.

Up to 2.0 it stands in the system prompt, as ``Working directory: …`` inside ``<env>``; since then as ``Primary working
directory: …`` below ``# Environment``, in the system prompt or in a message of the role ``system``. Sub-agents and
helpers often say nothing of it. The folder's name is private: what is kept of it is its keyed digest.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator

from domain.request_view import RequestView

_LABEL = "orking directory: "
_SAID = re.compile(r"(?:<env>|# Environment)\n.{0,400}?\b(?:Primary w|W)orking directory: ([^\n]+)", re.DOTALL)
_DOMAIN = b"working directory\0"
_DIGITS = 16
FOLDER_PREFIX = "dir:"


def working_directory(view: RequestView) -> str:
    """The first one that is said; empty: none is."""
    for text in _texts(view):
        if _LABEL in text and (found := _SAID.search(text)):
            return found[1].strip()
    return ""


def folder_name(scope_key: bytes, directory: str) -> str:
    """What stands for a folder among the projects: within a scope equal for equal folders, and nothing else."""
    digest = hmac.new(scope_key, _DOMAIN + directory.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return FOLDER_PREFIX + digest.hexdigest()[:_DIGITS]


def _texts(view: RequestView) -> Iterator[str]:
    yield from view.system
    for message in view.messages:
        if message.role == "system":
            yield from (block.facts.text for block in message.blocks)
