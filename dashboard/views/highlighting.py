"""Which words of a piece of code are what? Code in, (class, text) pairs out, for a template to escape and colour."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

MAX_CODE = 40_000
"""Longer code stays plain: colours are not worth the wait."""
MAX_LANGUAGE = 32
_CLASSES = (
    (Token.Comment, "com"),
    (Token.Keyword, "kw"),
    (Token.Literal.String, "str"),
    (Token.Literal.Number, "num"),
    (Token.Name.Function, "name"),
    (Token.Name.Class, "name"),
    (Token.Name.Tag, "name"),
    (Token.Name.Attribute, "name"),
    (Token.Name.Builtin, "name"),
    (Token.Generic.Deleted, "del"),
    (Token.Generic.Inserted, "str"),
    (Token.Generic.Heading, "kw"),
    (Token.Generic.Subheading, "kw"),
    (Token.Operator.Word, "kw"),
)

Piece = tuple[str, str]
"""(class, text); an empty class is plain."""


def highlight(code: str, language: str) -> tuple[Piece, ...]:
    """The pieces joined are the code; an unknown language or very long code is one plain piece."""
    lexer = _lexer(language.strip().lower()[:MAX_LANGUAGE]) if len(code) <= MAX_CODE else None
    if lexer is None:
        return (("", code),)
    pieces = tuple(_merged(lexer, code))
    return pieces if "".join(text for _, text in pieces) == code else (("", code),)


def _merged(lexer: Lexer, code: str) -> Iterator[Piece]:
    found = ((_class_of(kind), text) for kind, text in lexer.get_tokens(code))
    for name, group in groupby(found, key=lambda piece: piece[0]):
        yield name, "".join(text for _, text in group)


@cache
def _class_of(kind: _TokenType) -> str:
    above = kind.split()
    return next((name for known, name in _CLASSES if known in above), "")


def _lexer(language: str) -> Lexer | None:
    if not language:
        return None
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
