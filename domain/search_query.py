"""What does somebody search for, and where does a text say it? Words, "phrases", pref*, -not, OR; pure.

Words stand side by side, all are to be found; ``OR`` joins the two terms around it and binds closer. A word that
consists of several, such as ``HttpServer`` or ``a/b.py``, is a phrase. Where a text has what is searched for is
decided here (``spans_of``, ``holds``) as Postgres decides it on the text's vector.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import NexusError
from domain.search_words import MAX_PLACE, Word, quoted, stands_alone, words_in

MAX_QUERY = 500
"""Characters."""
_TERM = re.compile(r'(?P<negated>-(?=["\S]))?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_EITHER = "OR"
Span = tuple[int, int]


class InvalidSearchError(NexusError):
    """What was typed names nothing that can be searched for."""


@dataclass(frozen=True, slots=True)
class Term:
    """Words in a row."""

    words: tuple[str, ...]
    whole: str = ""
    """A name that may stand instead of the words."""
    open: bool = False
    """The last word may go on."""


@dataclass(frozen=True, slots=True)
class Search:
    """All of the wanted groups, one term of each; none of the unwanted terms."""

    wanted: tuple[tuple[Term, ...], ...]
    unwanted: tuple[Term, ...] = ()


def read_search(typed: str) -> Search:
    """Raises InvalidSearchError."""
    if len(typed) > MAX_QUERY:
        raise InvalidSearchError(f"Search for at most {MAX_QUERY} characters.")
    wanted, unwanted, joins = list[list[Term]](), list[Term](), False
    for found in _TERM.finditer(typed):
        if found[0] == _EITHER:
            joins = bool(wanted)
            continue
        terms = _terms(found)
        if found["negated"]:
            unwanted += terms
            continue
        for term in terms:
            if joins:
                wanted[-1].append(term)
            else:
                wanted.append([term])
            joins = False
    if not wanted:
        raise InvalidSearchError('Name a word that is to be found, such as timeout, "a phrase", pref* or README.md.')
    return Search(tuple(tuple(group) for group in wanted), tuple(unwanted))


def as_tsquery(search: Search) -> str:
    """As Postgres writes a tsquery."""
    groups = ["(" + " | ".join(map(_one, group)) + ")" for group in search.wanted]
    return " & ".join([*groups, *(f"!{_one(term)}" for term in search.unwanted)])


def holds(search: Search, text: str) -> bool:
    """Whether the text has what is searched for."""
    seen = _Seen.of(text)
    said = all(any(next(seen.spans(term), None) for term in group) for group in search.wanted)
    return said and not any(next(seen.spans(term), None) for term in search.unwanted)


def spans_of(search: Search, text: str) -> list[Span]:
    """Where wanted terms stand: in order, none inside another."""
    seen, found = _Seen.of(text), list[Span]()
    for start, end in sorted(span for group in search.wanted for term in group for span in seen.spans(term)):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _terms(found: re.Match[str]) -> list[Term]:
    text = found["phrase"] if found["word"] is None else found["word"]
    words = list(words_in(text))
    if not words:
        return []
    row = _in_a_row(words)
    parts = tuple(word.text for word in row)
    whole = next((word.text for word in words if word not in row and _is_all(word, row)), "")
    is_open = found["word"] is not None and text.endswith("*")
    return [Term(parts, whole, open=is_open or (len(parts) == 1 and stands_alone(parts[0])))]


def _in_a_row(words: Sequence[Word]) -> list[Word]:
    """One a place: of a name its parts; without the last letter of a run that may go on elsewhere."""
    at: dict[int, Word] = {}
    for word in words:
        at.setdefault(word.place, word)
    row = [at[place] for place in sorted(at)]
    return row[:-1] if len(row) > 1 and row[-1].end == row[-2].end else row


def _is_all(word: Word, row: Sequence[Word]) -> bool:
    return word.start == row[0].start and word.end == row[-1].end


def _one(term: Term) -> str:
    row = [quoted(word) for word in term.words]
    if term.open:
        row[-1] += ":*"
    said = " <-> ".join(row)
    if term.whole:
        said += f" | {quoted(term.whole)}{':*' if term.open else ''}"
    return f"({said})"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A text's words."""

    at: Mapping[int, Sequence[Word]]
    """By place."""
    named: Mapping[str, Sequence[Word]]

    @classmethod
    def of(cls, text: str) -> "_Seen":
        at, named = dict[int, list[Word]](), dict[str, list[Word]]()
        for word in words_in(text):
            if word.place > MAX_PLACE:
                break
            at.setdefault(word.place, []).append(word)
            named.setdefault(word.text, []).append(word)
        return cls(at, named)

    def spans(self, term: Term) -> Iterator[Span]:
        if term.whole:
            yield from self.spans(Term((term.whole,), open=term.open))
        first, *others = term.words
        if not others:
            yield from ((word.start, word.end) for word in self._like(first, is_open=term.open))
            return
        for word in self.named.get(first, ()):
            places = range(word.place + 1, word.place + len(term.words))
            row = [
                self._at(place, wanted, is_open=term.open and place == places[-1])
                for place, wanted in zip(places, others, strict=True)
            ]
            if None not in row and (last := row[-1]) is not None:
                yield word.start, last.end

    def _like(self, wanted: str, *, is_open: bool) -> Iterator[Word]:
        names = [name for name in self.named if name.startswith(wanted)] if is_open else [wanted]
        for name in names:
            yield from self.named.get(name, ())

    def _at(self, place: int, wanted: str, *, is_open: bool) -> Word | None:
        for word in self.at.get(place, ()):
            if word.text == wanted or (is_open and word.text.startswith(wanted)):
                return word
        return None
