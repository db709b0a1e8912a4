"""How is JSON from Anthropic, or from whoever answers in its place, read into plain values?

What comes out can always be written again: no NaN, no infinite number, no lone surrogate, no nesting that would
exhaust the stack of whoever walks through it. What is refused depends on the text alone, never on the machine, so
that a rebuild reads what the live run read.
"""

import re

import msgspec

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]

MAX_DEPTH = 100
"""Objects and arrays in one another."""

_DECODER = msgspec.json.Decoder()
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.")
_LONE_SURROGATE_LENGTH = len(r"\ud800")
_NO_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)


class NotJsonError(ValueError):
    """This text is no JSON that we read."""


def read_json(text: str) -> JsonValue:
    """Raises NotJsonError. A lone surrogate escape, which JavaScript would take, becomes U+FFFD."""
    if text.count("{") + text.count("[") > MAX_DEPTH and _nests_deeper(text, MAX_DEPTH):
        raise NotJsonError(f"The JSON nests deeper than {MAX_DEPTH}.")
    try:
        return _decode(text)
    except NotJsonError:
        mended = _ESCAPE.sub(_mend_escape, text)
        if mended == text:
            raise
        return _decode(mended)


def read_object(text: str) -> JsonObject | None:
    """None: this text is no JSON object."""
    try:
        value = read_json(text)
    except NotJsonError:
        return None
    return value if isinstance(value, dict) else None


def _decode(text: str) -> JsonValue:
    try:
        value: JsonValue = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise NotJsonError(str(error)) from error
    return value


def _mend_escape(escape: re.Match[str]) -> str:
    found = escape[0]
    return r"\ufffd" if len(found) == _LONE_SURROGATE_LENGTH else found


def _nests_deeper(text: str, levels: int) -> bool:
    """Take the innermost pairs away, one level at a time. Brackets without a partner count as deep."""
    left = _NO_BRACKETS.sub("", text).replace("{", "[").replace("}", "]")
    for _ in range(levels):
        before, left = left, left.replace("[]", "")
        if left == before:
            break
    return bool(left)
