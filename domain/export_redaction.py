"""What of a transcript should not leave the house with it? People's addresses, their folders, their ids; pure.

Keys are hidden wherever recorded text is read (``domain/secrets_in_text.py``). Here goes what names a person or a
machine and has an unmistakable form; a name in plain words is not known.
"""

import re
from dataclasses import replace

from domain.secrets_in_text import hide
from domain.transcript import Turn
from domain.transcript_entries import Entry
from schemas.anthropic.stream import JsonObject, JsonValue

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}\b")
_HOME = re.compile(r"(/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s\"'`:<>|,;)]{1,64}")
_FLAT_HOME = re.compile(r"(-(?:home|Users)-)[A-Za-z0-9_.]{1,64}")
"""As Claude Code names the folder of a project: each slash is a dash."""
_IDENTITY = re.compile(r"\buser_[0-9a-f]{64}(?:_account_[0-9a-f-]{0,36})?")
_MEMBER = re.compile(
    r"(\"(?:device_id|account_uuid|account_id|organization_uuid|user_id)\\?\"\s*:\s*\\?\")[^\"\\]{1,200}"
)
_IDENTIFYING = frozenset({"device_id", "account_uuid", "account_id", "organization_uuid", "user_id"})
GONE = "[redacted]"


def redacted(turn: Turn) -> Turn:
    return replace(turn, entries=tuple(map(_entry, turn.entries)))


def redacted_text(text: str) -> str:
    text = hide(text)
    text = _MAIL.sub("[e-mail]", text) if "@" in text else text
    text = _FLAT_HOME.sub(r"\1[user]", _HOME.sub(r"\1[user]", text))
    return _MEMBER.sub(rf"\1{GONE}", _IDENTITY.sub(GONE, text))


def redacted_value(value: JsonValue) -> JsonValue:
    """Every text in it, names of members too."""
    match value:
        case str():
            return redacted_text(value)
        case list():
            return [redacted_value(item) for item in value]
        case dict():
            return _object(value)
    return value


def _object(value: JsonObject) -> JsonObject:
    return {
        redacted_text(name): GONE if name in _IDENTIFYING and isinstance(member, str) else redacted_value(member)
        for name, member in value.items()
    }


def _entry(entry: Entry) -> Entry:
    return replace(
        entry,
        block=_object(entry.block),
        text=redacted_text(entry.text),
        reminders=tuple(map(redacted_text, entry.reminders)),
        result=None if entry.result is None else _object(entry.result),
        detail=redacted_text(entry.detail),
        raw_input=None if entry.raw_input is None else redacted_text(entry.raw_input),
    )
