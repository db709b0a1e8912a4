"""Which model does a name on the wire mean? The same model is called differently by each provider and client.

``plain_model`` takes off what says how or where a model is served (provider, region, date, context window) and keeps
what has a price of its own: family and version. A name that is no Claude model's stays as it is, in lower case.
"""

import re

_PROVIDER = re.compile(r"^(?:[a-z-]+\.)?anthropic\.")
"""``us.anthropic.``, ``global.anthropic.``, ``anthropic.``: Bedrock."""
_WINDOW = re.compile(r"\[[^]]*\]$")
"""``[1m]``: Claude Code's word for the context window it wants."""
_SERVED = re.compile(r"[@:].*$")
"""``@20250929`` on Vertex, ``:0`` and ``:thinking`` elsewhere."""
_REVISION = re.compile(r"-v\d+$")
_DATE = re.compile(r"-(?:\d{8}|latest)$")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
"""``claude-opus-4.5``: OpenRouter writes the version with a point."""


def plain_model(name: str) -> str:
    """``us.anthropic.claude-opus-4-5-20251101-v1:0`` → ``claude-opus-4-5``. Empty stays empty."""
    plain = _WINDOW.sub("", name.strip().lower())
    if "claude" not in plain:
        return plain
    plain = _PROVIDER.sub("", plain.rpartition("/")[2])
    plain = _REVISION.sub("", _SERVED.sub("", plain))
    return _POINT.sub("-", _DATE.sub("", plain))
