"""Where does a prompt leave the one before it, and what of that one does it still hold?

Two sequences of blocks are compared from the beginning, as the prompt cache does, as far as the earlier one was
cached. Tokens are known for whole prompts only; those of a part are a share by bytes.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from domain.cached_prompt import CachedPrompt, Piece, Section

LOOK_BACK = 20
"""Places at which an entry is looked for, from each mark backwards, the marked block being the first."""
Change = Literal[
    "system_inserted", "system_changed", "tools_changed", "tools_reordered", "message_inserted", "history_changed"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first block that is not what it was."""

    section: Section
    place: int
    """Number of the tool, the system block or the message in the newer request, from 0."""
    name: str
    """Of a tool."""
    role: str
    kind: str
    change: Change
    detail: str


@dataclass(frozen=True, slots=True)
class PromptDiff:
    """A request's prompt held against the one before."""

    before: CachedPrompt
    now: CachedPrompt
    stable: int
    """Leading blocks of what was cached that are the same."""

    @property
    def diverged(self) -> bool:
        return self.stable < len(self.before.cached)

    @property
    def cut_back(self) -> bool:
        """Nothing that was cached from the first difference on is sent again, or, from a prompt on, no answer."""
        rest = self.before.cached[self.stable :]
        again = _common(rest, self.now.pieces[self.stable :])
        answers = any(piece.role == "assistant" for piece in rest) and rest[0].role != "assistant"
        return self.diverged and (not again or (answers and all(piece.role != "assistant" for piece in again)))

    @property
    def begins_anew(self) -> bool:
        """No answer is in it, or another opening and none of the answers that were: it goes on from none of them."""
        old = tuple(piece for piece in self.before.pieces if piece.role == "assistant")
        new = tuple(piece for piece in self.now.pieces if piece.role == "assistant")
        another = bool(old) and not _common(old, new) and _opening(self.before) != _opening(self.now)
        return self.diverged and (not new or another)

    @property
    def keeps_answers(self) -> bool:
        """An answer stands before the first difference, or there was none that could."""
        kept = any(piece.role == "assistant" for piece in self.before.pieces[: self.stable])
        return kept or all(piece.role != "assistant" for piece in self.before.pieces)

    @property
    def retouches(self) -> bool:
        """The first difference is in a text of the client's behind the newest answer of the request before."""
        rest = self.before.cached[self.stable :]
        newest = all(piece.section == "message" and piece.role != "assistant" for piece in rest)
        return self.diverged and newest and rest[0].kind in {"text", "reminder"}

    def tokens_at(self, blocks: int, cached: int) -> int:
        """Tokens of so many leading blocks; ``cached``: of all that were cached. Exact at either end."""
        total = _size(self.before.cached)
        return cached * _size(self.before.cached[:blocks]) // total if total else 0

    def read_to(self, read: int, cached: int) -> int:
        """The block up to which ``read`` tokens were most likely read; never behind the first difference."""
        cached_bytes = _size(self.before.cached)
        wanted = read * cached_bytes / cached if cached else 0.0
        sizes = accumulate((piece.size for piece in self.before.cached[: self.stable]), initial=0)
        return min(enumerate(sizes), key=lambda one: abs(one[1] - wanted))[0]

    def sent_again(self, start: int) -> float:
        """How much of what was cached from this block on is in the newer request too, 0 to 1 by bytes."""
        region = self.before.cached[start:]
        total = _size(region)
        return _size(_common(region, self.now.pieces[start:])) / total if total else 0.0

    def answer_before(self) -> int:
        """The block at which the answer right before the first difference begins; the difference, if there is none."""
        start = self.stable
        while start and self.before.pieces[start - 1].role == "assistant":
            start -= 1
        return start

    def frame_end(self) -> int:
        """Blocks up to the last mark before the messages: what survives any change of the messages."""
        marked = [mark.at + 1 for mark in self.before.marks if self.before.pieces[mark.at].section != "message"]
        return min(max(marked, default=0), self.stable)

    def reachable(self) -> bool:
        """A mark of the newer request looks back as far as the newest entry of the one before."""
        end = len(self.before.cached) - 1
        marks = self.now.marks
        return not marks or any(0 <= mark.at - end < LOOK_BACK for mark in marks)

    def divergence(self) -> Divergence | None:
        """None: all that was cached is still there, in its place."""
        if not self.diverged:
            return None
        old = self.before.cached[self.stable]
        new = self.now.pieces[self.stable] if self.stable < len(self.now.pieces) else None
        change, detail = self._change(old, new)
        shown = new if new is not None and _rank(new) <= _rank(old) else old
        return Divergence(
            section=shown.section,
            place=shown.place,
            name=shown.name,
            role=shown.role,
            kind=shown.kind,
            change=change,
            detail=detail,
        )

    def _change(self, old: Piece, new: Piece | None) -> tuple[Change, str]:
        section = old.section if new is None or _rank(old) <= _rank(new) else new.section
        if section == "tool":
            return _tools(_of(self.before.pieces, "tool"), _of(self.now.pieces, "tool"))
        if section == "system":
            return _system(_of(self.before.pieces, "system"), _of(self.now.pieces, "system"))
        return _history(self.before.cached[self.stable :], self.now.pieces[self.stable :])


def diff(before: CachedPrompt, now: CachedPrompt) -> PromptDiff:
    stable = 0
    for old, new in zip(before.cached, now.pieces, strict=False):
        if old.same != new.same:
            break
        stable += 1
    return PromptDiff(before, now, stable)


def _opening(prompt: CachedPrompt) -> bytes | None:
    """Of the first text that somebody wrote."""
    texts = (piece.digest for piece in prompt.pieces if piece.section == "message" and piece.kind == "text")
    return next(texts, None)


def _rank(piece: Piece) -> int:
    return ("tool", "system", "message").index(piece.section)


def _of(pieces: tuple[Piece, ...], section: Section) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.section == section)


def _size(pieces: "tuple[Piece, ...] | list[Piece]") -> int:
    return sum(piece.size for piece in pieces)


def _common(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> list[Piece]:
    """Those of ``old`` that stand anywhere in ``new``, each as often as it does there."""
    left = Counter(piece.same for piece in new)
    found = list[Piece]()
    for piece in old:
        if left[piece.same] > 0:
            left[piece.same] -= 1
            found.append(piece)
    return found


def _tools(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> tuple[Change, str]:
    if Counter(piece.digest for piece in old) == Counter(piece.digest for piece in new):
        return "tools_reordered", "The same tools came in another order."
    was, now = {piece.name: piece.digest for piece in old}, {piece.name: piece.digest for piece in new}
    told = {
        "added": [name for name in now if name not in was],
        "removed": [name for name in was if name not in now],
        "changed": [name for name in now if name in was and now[name] != was[name]],
    }
    listed = [f"{_listed(names)} {word}" for word, names in told.items() if names]
    return "tools_changed", f"Tools: {'; '.join(listed)}." if listed else "Tools were repeated, or no longer are."


def _listed(names: list[str]) -> str:
    shown = ", ".join(name or "(without a name)" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _system(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> tuple[Change, str]:
    same = _equal(old, new)
    added = len(new) - len(old)
    if added > 0 and _equal(old[same:], new[same + added :]) == len(old) - same:
        return "system_inserted", f"{_counted(added, 'block')} inserted into the system prompt."
    if added < 0 and _equal(old[same - added :], new[same:]) == len(new) - same:
        return "system_changed", f"{_counted(-added, 'block')} taken out of the system prompt."
    return "system_changed", "The system prompt has another text."


def _history(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> tuple[Change, str]:
    """``old`` and ``new``: from the first difference on."""
    inserted = next((count for count in range(1, len(new)) if _equal(old, new[count:]) == len(old)), None)
    if inserted is not None:
        return "message_inserted", f"{_counted(inserted, 'block')} inserted before what had been sent."
    taken = next((count for count in range(1, len(old)) if _equal(old[count:], new) == len(old) - count), None)
    if taken is not None:
        return "history_changed", f"{_counted(taken, 'block')} taken out of what had been sent."
    return "history_changed", "What had been sent was changed or replaced."


def _equal(one: tuple[Piece, ...], other: tuple[Piece, ...]) -> int:
    """Leading blocks that are the same."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a.same != b.same),
        min(len(one), len(other)),
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what} was" if number == 1 else f"{number} {what}s were"
