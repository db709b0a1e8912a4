"""Which ids does a play use? All of them follow from one seed, in whatever order the sessions run."""

import hashlib
import string
import uuid

_ALPHABET = string.digits + string.ascii_letters
_LONG = 22
"""Characters of Anthropic's ids after their prefix."""


class Ids:
    """An endless, repeatable supply. Parallel work takes a ``part`` each, so that none disturbs the other's ids."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._taken = 0

    def part(self, name: str) -> "Ids":
        """A supply of its own; the same name always gives the same ids."""
        return Ids(f"{self._seed}/{name}")

    def uuid(self) -> str:
        return _uuid(self._take())

    def agent(self) -> str:
        """As in ``x-claude-code-agent-id``: ``a`` and 16 hex digits."""
        return f"a{self._take().hex()[:16]}"

    def hexadecimal(self, digits: int) -> str:
        return self._take().hex()[:digits]

    def long(self, prefix: str) -> str:
        """As Anthropic makes them: ``toolu_01…``, ``msg_01…``, ``req_011C…``."""
        number = int.from_bytes(self._take())
        return prefix + "".join(_ALPHABET[number // 62**place % 62] for place in range(_LONG))

    def _take(self) -> bytes:
        self._taken += 1
        return _digest(f"{self._seed}#{self._taken}")


def device_id(name: str) -> str:
    """The same for a device in every play: devices outlive sessions."""
    return _digest(f"device {name}").hex()


def account_uuid(name: str) -> str:
    return _uuid(_digest(f"account {name}"))


def signature(thinking: str) -> str:
    """Stands for Anthropic's signature of a thinking block: long, opaque, and tied to the text."""
    return "Ev" + "".join(_digest(f"{thinking}{turn}").hex() for turn in range(4))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _uuid(data: bytes) -> str:
    return str(uuid.UUID(bytes=data[:16], version=4))
