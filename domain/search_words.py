"""Which words stand in a text, so that it can be found by them? Also in code, and in scripts without spaces; pure.

A word is a run of letters and digits, folded: case and accents make no difference. A name such as ``HttpServer`` is its
parts, ``http`` and ``server``, and the whole beside the first of them; ``tool_use`` and ``a/b.py`` are apart by their
signs. Where a script has no spaces every two letters that follow each other are a word, and the last letter alone.
Words stand at places, so that those of a phrase can be asked for in a row. The same rules cut what is searched for
(``domain/search_query.py``).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_WORD = 64
"""Characters; the rest of a longer word makes no difference."""
MAX_PLACE = 16_383
"""Postgres counts no further."""
MAX_PLACES = 200
"""Of one word in one text."""
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_SIGNS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
"""Parts of words that are no letters: accents and vowels written above or below."""
_RUN = re.compile(f"([{_NO_SPACES}]+)|((?:(?![{_NO_SPACES}])[^\\W_]|[{_SIGNS}])+)")
_ROUGH_RUN = re.compile(f"[\\w{_SIGNS}{_NO_SPACES}]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAME = re.compile(r"(?=[A-Za-z]*[a-z][A-Z]|[A-Z]{2}[A-Za-z]*[a-z])[A-Za-z]+")
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word at its place in a text."""

    text: str
    """Folded."""
    place: int
    """From 1; a name and its first part share one."""
    start: int
    end: int
    """Where it stands in the text as it is."""


def words_in(text: str) -> Iterator[Word]:
    """In the order of their places."""
    place = 1
    for run in _RUN.finditer(text):
        cut = _letters(run) if run[1] else _parts(run)
        for word, start, end in cut:
            yield Word(word, place, start, end)
            place += 1
        if run[2] and len(cut) > 1:
            yield Word(fold(run[0]), place - len(cut), *run.span())


def lexemes(text: str) -> dict[str, list[int]]:
    """The words with their places, each list rising."""
    found: dict[str, list[int]] = {}
    for word, place in _quickly(text):
        if place > MAX_PLACE:
            break
        places = found.setdefault(word, [])
        if len(places) < MAX_PLACES and (not places or places[-1] != place):
            places.append(place)
    return found


def _quickly(text: str) -> Iterator[tuple[str, int]]:
    """Words and places as ``words_in`` has them, in a tenth of the time where most is ASCII."""
    place = 1
    for rough in _ROUGH_RUN.findall(text):
        for run in rough.split("_"):
            if not run.isascii():
                at = place
                for word in words_in(run):
                    yield word.text, at + word.place - 1
                    place = max(place, at + word.place)
                continue
            word = run.lower()[:MAX_WORD]
            if not word:
                continue
            yield word, place
            if word != run and _NAME.fullmatch(run) is not None:
                for part in _PART.findall(run):
                    yield part.lower()[:MAX_WORD], place
                    place += 1
            else:
                place += 1


def as_vector(text: str) -> str:
    """The words as Postgres writes a tsvector."""
    return " ".join(f"{quoted(word)}:{','.join(map(str, places))}" for word, places in lexemes(text).items())


def quoted(word: str) -> str:
    """As it stands in a tsvector or a tsquery."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def fold(word: str) -> str:
    """Without what makes no difference. Never empty for a word."""
    if word.isascii():
        return word.lower()[:MAX_WORD]
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", word))
    return unicodedata.normalize("NFKC", plain or word).casefold()[:MAX_WORD]


def stands_alone(word: str) -> bool:
    """Whether it is a letter of a script without spaces: longer words begin with it."""
    found = _RUN.fullmatch(word)
    return len(word) == 1 and found is not None and found[1] is not None


def _parts(run: re.Match[str]) -> list[tuple[str, int, int]]:
    """Of a name, else the run itself."""
    if _NAME.fullmatch(run[0]) is None:
        return [(fold(run[0]), *run.span())]
    offset = run.start()
    return [(fold(part[0]), offset + part.start(), offset + part.end()) for part in _PART.finditer(run[0])]


def _letters(run: re.Match[str]) -> list[tuple[str, int, int]]:
    text, offset = run[0], run.start()
    pairs = [(fold(text[at : at + 2]), offset + at, offset + at + 2) for at in range(len(text) - 1)]
    return [*pairs, (fold(text[-1]), run.end() - 1, run.end())]
