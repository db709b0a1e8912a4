"""How does it read what is new in a request? What it is held against, counts in a sentence, a line a difference."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from dashboard.formatting import one_line, plural
from dashboard.novelty import Basis, Novelty
from dashboard.views.why import Neighbour
from domain.prompt_changes import Change, Hunk, Mark
from domain.whats_new import News

NAMES_CHARS, VALUE_CHARS, NAME_CHARS = 200, 120, 60
MOST_LINES = 400
"""Of the differences of one text."""
MOST_CHANGES = 40
_GAPS: Mapping[Basis, str] = MappingProxyType(
    {
        "before": "",
        "nothing": "There is no request before this one, so all of it is new.",
        "unlinked": "It is not linked yet, so what is new in it is not known.",
        "missing": "The request before it was not recorded, so what is new in it cannot be told.",
        "erased": "The body of the request before it was erased, so what is new in it cannot be told.",
        "not_kept": "The body of the request before it was not kept, so what is new in it cannot be told.",
        "unreadable": "The body of the request before it is no JSON object, so what is new in it cannot be told.",
    }
)
_EDGES: Mapping[str, str] = MappingProxyType(
    {
        "branches": "It leaves the talk that went on there.",
        "compacts": "It asks for a summary of it.",
        "forks": "That one is of another session.",
        "resumes": "It goes on from the summary that was made there.",
        "retries": "It tries the same once more.",
        "spawned": "That one called the agent.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """One line of the list."""

    part: str
    what: str
    kind: str
    """added, removed, changed."""
    names: str = ""
    """Of what was added or removed."""
    before: str = ""
    now: str = ""
    hunks: tuple[Hunk, ...] = ()
    """To be opened; empty: the line says it all."""
    hidden: int = 0
    """Lines of the difference beyond those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNovelty:
    """What stands above the messages."""

    basis: Basis
    before: Neighbour | None
    """Empty label where it is not known."""
    words: str
    """What can be said of the messages; else why nothing can."""
    aside: str
    """What the link tells of it; empty: nothing that helps."""
    changes: tuple[ShownChange, ...]
    more: int
    """Changes beyond those."""


def shown_novelty(found: Novelty, before: Neighbour | None) -> ShownNovelty:
    """``before``: the request it is held against."""
    changes, more = shown_changes(found.changes)
    return ShownNovelty(
        basis=found.basis,
        before=before,
        words=_counts(found.news) if found.basis == "before" and found.news else _GAPS[found.basis],
        aside=_EDGES.get(found.edge, "") if found.before else "",
        changes=changes,
        more=more,
    )


def shown_changes(changes: Sequence[Change]) -> tuple[tuple[ShownChange, ...], int]:
    """A line each, and how many are beyond those."""
    listed = list(_listed(changes))
    return tuple(listed[:MOST_CHANGES]), max(0, len(listed) - MOST_CHANGES)


def _counts(news: News) -> str:
    states = Counter(news.states)
    new = states["new"] + states["partly"]
    carried = states["carried"] + states["changed"]
    if not carried and not states["partly"]:
        return "nothing of it is carried over."
    said = [f"{plural(new, 'new message') if new else 'no new message'}, {carried:,} carried over"]
    if states["changed"]:
        said.append(f"{states['changed']} of them with another tool result")
    left = [f"{news.gone:,} of its messages"] if news.gone else []
    left += ["its answer"] if news.answer == "left_out" else []
    if left:
        said.append(f"{' and '.join(left)} left out")
    return "; ".join(said) + "."


def _listed(changes: Sequence[Change]) -> Iterator[ShownChange]:
    """Tools that came or went in one line each way."""
    for change in changes:
        match change.part:
            case "model" | "setting":
                yield _setting(change)
            case "tool" if change.kind == "changed":
                yield _text(change, f"Tool {one_line(change.name, NAME_CHARS)}")
            case "system":
                yield _text(change, f"System prompt, block {change.name}")
            case "tool order":
                yield ShownChange(part=change.part, what="Order of the tools", kind=change.kind)
            case "marks":
                before, now = _marks(change.marks_before), _marks(change.marks)
                yield ShownChange(part=change.part, what="Cache marks", kind=change.kind, before=before, now=now)
    for kind in ("added", "removed"):
        names = [change.name for change in changes if change.part == "tool" and change.kind == kind]
        if names:
            what = "Tool" if len(names) == 1 else f"{len(names)} tools"
            yield ShownChange(part="tool", what=what, kind=kind, names=one_line(", ".join(names), NAMES_CHARS))


def _setting(change: Change) -> ShownChange:
    before, now = ("" if value is None else _value(value) for value in (change.before, change.now))
    what = "Model" if change.part == "model" else one_line(change.name, NAME_CHARS)
    return ShownChange(part=change.part, what=what, kind=change.kind, before=before, now=now)


def _text(change: Change, what: str) -> ShownChange:
    hunks, room = list[Hunk](), MOST_LINES
    for hunk in change.hunks:
        if room > 0:
            hunks.append(hunk[:room])
        room -= len(hunk)
    return ShownChange(part=change.part, what=what, kind=change.kind, hunks=tuple(hunks), hidden=max(0, -room))


def _value(value: object) -> str:
    return one_line(value if isinstance(value, str) else msgspec.json.encode(value).decode(), VALUE_CHARS)


def _marks(marks: Sequence[Mark]) -> str:
    return one_line(
        ", ".join(f"{_place(mark)}{' (1 hour)' if mark.lifetime == '1h' else ''}" for mark in marks), NAMES_CHARS
    )


def _place(mark: Mark) -> str:
    match mark.section:
        case "tool":
            return f"tool {mark.place}"
        case "system":
            return f"system block {mark.place}"
        case _:
            return "the last message" if mark.place == "1" else f"message {mark.place} from the end"
