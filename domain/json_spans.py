"""Where do the values of a JSON text begin and end? A tokenizer over the verbatim bytes; nothing is decoded.

Cutting needs the exact bytes of each block, so a parser that returns objects does not serve. Strings are skipped by
one regular expression and brackets are paired once, so that the cost is per token and passing a value is O(1).
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
"""Possessive: a string is passed without remembering where one could have stopped."""
_OPENERS, _CLOSERS = b"{[", b"}]"


class NotCuttableError(ValueError):
    """This is no JSON text, or it holds more tokens than we follow."""


class Member(NamedTuple):
    """One member of an object, as token indices."""

    key: int
    value: int
    end: int
    """The token after the value."""


class JsonSpans:
    """The tokens of a JSON text. A value is named by the index of its first token."""

    def __init__(self, text: bytes, max_tokens: int) -> None:
        self._text = text
        self._spans = [match.span() for match in islice(_TOKEN.finditer(text), max_tokens + 1)]
        if len(self._spans) > max_tokens:
            raise NotCuttableError("Too many tokens.")
        self._kinds = bytes(text[start] for start, _ in self._spans)
        self._closer = self._pair_brackets()

    def _pair_brackets(self) -> dict[int, int]:
        closer: dict[int, int] = {}
        open_at: list[int] = []
        for index, kind in enumerate(self._kinds):
            if kind in _OPENERS:
                open_at.append(index)
            elif kind in _CLOSERS:
                if not open_at:
                    raise NotCuttableError("A bracket closes that never opened.")
                closer[open_at.pop()] = index
        if open_at:
            raise NotCuttableError("A bracket stays open.")
        return closer

    def is_object(self, value: int) -> bool:
        return self._kind(value) == b"{"

    def is_array(self, value: int) -> bool:
        return self._kind(value) == b"["

    def is_string(self, value: int) -> bool:
        return self._kind(value) == b'"'

    def after(self, value: int) -> int:
        """Index of the token that follows the whole value."""
        return self._closer.get(value, value) + 1

    def start(self, value: int) -> int:
        """Byte offset at which the value begins."""
        return self._spans[value][0]

    def end(self, value: int) -> int:
        """Byte offset behind the value's last byte."""
        return self._spans[self.after(value) - 1][1]

    def mentions(self, value: int, token: bytes) -> bool:
        """Whether these bytes stand anywhere in the value."""
        return self._text.find(token, self.start(value), self.end(value)) >= 0

    def token(self, index: int) -> bytes:
        start, end = self._spans[index]
        return self._text[start:end]

    def members(self, value: int) -> Iterator[Member]:
        """The members of an object, in order; a repeated key comes again."""
        last, index = self._closer[value], value + 1
        while index < last:
            if index + 2 >= last + 1 or self._kind(index + 1) != b":":
                raise NotCuttableError("A member without a value.")
            member = Member(index, index + 2, self.after(index + 2))
            yield member
            index = self._past_comma(member.end, last)

    def items(self, value: int) -> Iterator[int]:
        """The items of an array, in order."""
        last, index = self._closer[value], value + 1
        while index < last:
            yield index
            index = self._past_comma(self.after(index), last)

    def _past_comma(self, index: int, last: int) -> int:
        if index == last:
            return index
        if self._kind(index) != b",":
            raise NotCuttableError("Values without a comma between them.")
        return index + 1

    def _kind(self, index: int) -> bytes:
        return self._kinds[index : index + 1]
