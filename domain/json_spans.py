"""Where do the values of a JSON text begin and end? A walk over the verbatim bytes; nothing is decoded.

Cutting needs the exact bytes of each block, so a parser that returns objects does not serve. The walk stops only where
its caller looks: any other value is passed over by one regular expression, however much is in it.
"""

import re
from collections.abc import Iterator

_BY_CHARACTER = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""Possessive: a string is passed without remembering where one could have stopped."""


def _behind_backslashes(*counts: int) -> bytes:
    return b"|".join(rb"(?<=[^\\]" + rb"\\" * count + b")" for count in counts)


_STRING = (
    rb'(?:"[^"]*+(?:(?:' + _behind_backslashes(1, 3) + rb')"[^"]*+)*+(?:(?<!\\)|' + _behind_backslashes(2, 4) + rb')"'
    rb"|" + _BY_CHARACTER + rb")"
)
"""From quote to quote, several times as fast as by character; who has more backslashes before one goes by character."""
_BETWEEN = rb'[^"{}\[\]]'
_NESTED = 8
"""Brackets in brackets that one expression passes; blocks hardly ever nest deeper."""


def _bracketed(levels: int) -> bytes:
    inside = rb"(?!)" if levels == 0 else _bracketed(levels - 1)
    return rb"[{\[](?:" + _BETWEEN + rb"++|" + _STRING + rb"|" + inside + rb")*+[}\]]"


_VALUE = re.compile(_STRING + rb"|" + _bracketed(_NESTED) + rb'|[^\s"{}\[\],:]++', re.DOTALL)
_TO_BRACKET = re.compile(_BETWEEN + rb"*+(?:" + _STRING + _BETWEEN + rb"*+)*+([{}\[\]])", re.DOTALL)
_NAME = re.compile(rb"\s*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_SPACE = re.compile(rb"\s*+")
_FOLLOWS = re.compile(rb"\s*+([,\]}])\s*+")


class NotCuttableError(ValueError):
    """This is no JSON text, or it holds more values than we follow."""


class JsonWalk:
    """A place in a JSON text that only moves on. ``at``: where the value begins that is looked at.

    ``left``: so many members and items may still be looked at.
    """

    def __init__(self, text: bytes, most: int) -> None:
        """``most``: members and items that are looked at. A parser should have read the text before."""
        self._text, self.left = text, most
        self.at = _past_space(text, 0)

    @property
    def kind(self) -> bytes:
        """The value's first byte."""
        return self._text[self.at : self.at + 1]

    def members(self) -> Iterator[slice]:
        """Where the names of the object's members stand, in order; a repeated one comes again. ``at``: the value."""
        more = self._enter(b"{", b"}")
        while more:
            found = _NAME.match(self._text, self.at)
            if found is None:
                raise NotCuttableError("A member without a name and a colon.")
            self.at = found.end()
            yield slice(*found.span(1))
            more = self._another(found.end(), b"}")

    def items(self, first: int | None = None) -> Iterator[int]:
        """Where the items of the array begin, in order. ``first``: begin with the one that is known to be there."""
        more = self._enter(b"[", b"]")
        self.at = self.at if first is None else first
        while more:
            start = self.at
            yield start
            more = self._another(start, b"]")

    def value(self) -> slice:
        """Where the value stands; the walk goes on behind it."""
        start, found = self.at, _VALUE.match(self._text, self.at)
        self.at = found.end() if found else self._past_brackets()
        return slice(start, self.at)

    def _enter(self, opener: bytes, closer: bytes) -> bool:
        """False: there is nothing inside."""
        if self.kind != opener:
            raise NotCuttableError("Another value was to be here.")
        self.at = _past_space(self._text, self.at + 1)
        if self.kind != closer:
            return True
        self.at += 1
        return False

    def _another(self, start: int, closer: bytes) -> bool:
        """Go past the value at ``start``, unless that is done, and past what follows."""
        self.left -= 1
        if self.at == start:
            self.value()
        found = _FOLLOWS.match(self._text, self.at)
        if found is None or found[1] not in (b",", closer) or self.left < 0:
            raise NotCuttableError("Neither a comma nor the end after a value, or too many values.")
        self.at = found.end()
        return found[1] == b","

    def _past_brackets(self) -> int:
        """The end of a value that nests deeper than one expression follows."""
        at, deep = self.at, 0
        while found := _TO_BRACKET.match(self._text, at):
            at = found.end()
            deep += 1 if found[1] in b"{[" else -1
            if deep == 0 and self.kind in (b"{", b"["):
                return at
        raise NotCuttableError("No value, or a bracket stays open.")


def _past_space(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
