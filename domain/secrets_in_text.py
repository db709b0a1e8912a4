"""Which pieces of a text are keys that nobody should read on a page? They are hidden, the rest stays as it is; pure.

Only what has an unmistakable form is known: a password in plain words is not. A hidden key keeps its first characters
and its length, so that offsets stay right and the reader sees what kind of key it was. The same text is hidden in the
same way wherever it stands, so that hidden texts can be compared with each other; and the rest of a key whose beginning
was hidden before, because it came in pieces, is hidden with it.
"""

import re

from schemas.anthropic.stream import JsonValue

_FORMS = (
    r"(sk-ant-)[A-Za-z0-9_-]{16,}",  # Anthropic: API keys, OAuth tokens
    r"(cnx_[a-z0-9]{8}_)[A-Za-z0-9_-]{16,}",  # client keys of Nexus
    r"(gh[opsur]_|github_pat_|glpat-)[A-Za-z0-9_-]{20,}",
    r"(xox[abeprs]-)[A-Za-z0-9-]{16,}",
    r"(?<![A-Za-z0-9+/])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9+/])",
    r"(?<![A-Za-z0-9+/_-])(AIza)[A-Za-z0-9_-]{35}(?![A-Za-z0-9+/_-])",
    r"(?<![A-Za-z0-9+/_.-])(eyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON web tokens
    r"((?:sk-ant-|cnx_[a-z0-9]{8}_|gh[opsur]_|github_pat_|glpat-|eyJ)\*{16,})[A-Za-z0-9_-]+",  # the rest of one
    r"(xox[abeprs]-\*{16,})[A-Za-z0-9-]+",
    r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?s:.+?)(?=-----END |\Z)",
)
_TRIGGERS = (
    "sk-ant-", "cnx_", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "AKIA", "ASIA", "AIza",
    "eyJ", "-----BEGIN ",
)  # fmt: skip
_IN_TEXT = re.compile("|".join(_FORMS))
_IN_BYTES = re.compile("|".join(_FORMS).encode())
_TRIGGER_BYTES = tuple(trigger.encode() for trigger in _TRIGGERS)
_STAYS = frozenset("\r\n")


def hide(text: str) -> str:
    """The text with every key in it hidden; as long as it was."""
    if not any(map(text.__contains__, _TRIGGERS)):
        return text
    return _IN_TEXT.sub(_hidden, text)


def hide_bytes(data: bytes) -> bytes:
    """The same for bytes of text in UTF-8, or of anything."""
    if not any(map(data.__contains__, _TRIGGER_BYTES)):
        return data
    return _IN_BYTES.sub(_hidden_bytes, data)


def may_hold_keys(data: bytes) -> bool:
    """False: no text of this JSON holds a key. An escape may stand for any letter of one."""
    return b"\\u" in data or any(map(data.__contains__, _TRIGGER_BYTES))


def hide_in(value: JsonValue) -> JsonValue:
    """The same for every text in a JSON value, names of members too."""
    match value:
        case str():
            return hide(value)
        case list():
            return [hide_in(item) for item in value]
        case dict():
            return {hide(name): hide_in(member) for name, member in value.items()}
    return value


def _hidden(found: "re.Match[str]") -> str:
    kept = next(group for group in found.groups() if group is not None)
    return kept + _stars(found[0][len(kept) :])


def _hidden_bytes(found: "re.Match[bytes]") -> bytes:
    kept = next(group for group in found.groups() if group is not None)
    return kept + _stars(found[0][len(kept) :].decode("latin-1")).encode("latin-1")


def _stars(text: str) -> str:
    """Line breaks stay: a private key keeps its shape."""
    return "".join(letter if letter in _STAYS else "*" for letter in text)
