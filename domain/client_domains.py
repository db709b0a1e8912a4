"""What is a client domain? The lower-case host name that a client called, or a label in its place; pure."""

import re

MAX_CHARS = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def is_client_domain(text: str, most: int = MAX_CHARS) -> bool:
    """``most``: characters, where there is room for less than a name may have."""
    return len(text) <= most and _DOMAIN.fullmatch(text) is not None
