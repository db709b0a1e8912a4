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
from functools import lru_cache

MAX_WORD = 64
"""Characters; the rest of a longer word makes no difference."""
MAX_PLACE = 16_383
"""Postgres counts no further."""
MAX_PLACES = 200
"""Of one word in one text."""
_PLACES = tuple(f",{place}" for place in range(MAX_PLACE + 1))
_RUNS_REMEMBERED = 50_000
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_SIGNS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
"""Parts of words that are no letters: accents and vowels written above or below."""
_RUN = re.compile(f"([{_NO_SPACES}]+)|((?:(?![{_NO_SPACES}])[^\\W_]|[{_SIGNS}])+)")
_ASCII_RUN = re.compile("[A-Za-z0-9]+")
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


def as_vector(text: str) -> str:
    """The words with their places as Postgres writes a tsvector: ``words_in``, where most is ASCII in a tenth of its
    time."""
    found = dict[str, str]()
    place = 1
    for run in _runs(text):
        cut = _cut_before(run) if len(run) <= MAX_WORD else _cut(run)
        if isinstance(cut, str):
            found[cut] = found.get(cut, "") + _PLACES[place]
            place += 1
        else:
            for word, offset in cut:
                if place + offset <= MAX_PLACE:
                    found[word] = found.get(word, "") + _PLACES[place + offset]
            place += 1 + cut[-1][1]
        if place > MAX_PLACE:
            break
    for word in [word for word, places in found.items() if len(places) > 2 * MAX_PLACES]:
        found[word] = ",".join(found[word].split(",", MAX_PLACES + 1)[: MAX_PLACES + 1])
    return " ".join([f"'{word}':{places[1:]}" for word, places in found.items()])  # no word has a quote


def _runs(text: str) -> Iterator[str]:
    """What is cut further; nothing that is cut reaches over the end of one."""
    if text.isascii():
        return iter(_ASCII_RUN.findall(text))
    return (run for rough in _ROUGH_RUN.findall(text) for run in rough.split("_") if run)


def _cut(run: str) -> str | list[tuple[str, int]]:
    """The one word of a run, or its words with their places from 0; the last one's place is the highest."""
    if not run.isascii():
        words = {(word.text, word.place - 1) for word in words_in(run)}
        return sorted(words, key=lambda word: word[1])
    word = run.lower()[:MAX_WORD]
    if word == run or _NAME.fullmatch(run) is None:
        return word
    parts = [(part.lower()[:MAX_WORD], place) for place, part in enumerate(_PART.findall(run))]
    return parts if parts[0][0] == word else [(word, 0), *parts]


_cut_before = lru_cache(maxsize=_RUNS_REMEMBERED)(_cut)
"""The same, remembered: the words of a text are few."""


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
