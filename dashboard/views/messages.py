"""What do the messages of a request look like to a reader? A stretch of them, with calls and results paired by id.

A tool call and its result are one thing to a reader, but they come in two messages: the result is shown with its
call, and a pointer stands where it was. Results that are new in this request stand where they came. Only what is
shown is taken apart, so that a page costs what is on it and not what the session is long.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.details import SentMessage
from dashboard.views.blocks import Shown, raw_input, shown_block
from domain.assembly import AssembledMessage
from domain.whats_new import State
from schemas.anthropic.stream import JsonObject


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as a reader sees it."""

    number: int
    """From 1."""
    role: str
    blocks: tuple[Shown, ...]
    last: bool
    """It stands behind the newest answer."""
    state: State | None = None
    """Against the request before; None: nothing is said."""
    new_blocks: frozenset[int] = frozenset()
    """Of one that is new in part, the places of its new blocks."""


def shown_messages(
    messages: Sequence[SentMessage], places: Iterable[int] | None = None, new: Container[int] = frozenset()
) -> tuple[ShownMessage, ...]:
    """The messages at these places; None: all. ``new``: places of those that the request before did not have."""
    answers = [place for place, message in enumerate(messages) if message.role == "assistant"]
    newest = answers[-1] if answers else -1
    earlier = [(place, block) for place, message in enumerate(messages[: newest + 1]) for block in message.blocks]
    calls = {name: (place, block) for place, block in earlier if (name := _calls(block))}
    results = {
        name: block
        for place, block in earlier
        if (name := _answers(block)) and (place not in new or name not in calls or calls[name][0] in new)
    }
    callers = {name: block for name, (_, block) in calls.items()}
    return tuple(
        ShownMessage(
            number=place + 1,
            role=messages[place].role or "unknown",
            blocks=tuple(_shown(block, results, callers) for block in messages[place].blocks),
            last=place > newest,
        )
        for place in (range(len(messages)) if places is None else places)
    )


def shown_answer(message: AssembledMessage) -> tuple[Shown, ...]:
    """The blocks of an answer, as far as they came."""
    return tuple(
        replace(shown_block(block.value), arguments=raw_input(block.raw_input))
        if block.raw_input is not None
        else shown_block(block.value)
        for block in message.blocks
    )


def stretch(messages: Sequence[SentMessage], most: int, most_chars: int) -> int:
    """The place from which on the last messages fit: at most ``most`` of them, and not too much text; at least one."""
    room, place = most_chars, len(messages)
    while place > 0 and len(messages) - place < most:
        room -= weight(messages[place - 1])
        if room < 0 and place < len(messages):
            break
        place -= 1
    return place


def weight(message: SentMessage) -> int:
    """Characters, about."""
    return sum(_weight(block) for block in message.blocks)


def _shown(block: JsonObject, results: Mapping[str, JsonObject], calls: Mapping[str, JsonObject]) -> Shown:
    """A call has its earlier result; an earlier result points to its call, a new one says whose it is."""
    if (name := _calls(block)) and name in results:
        return replace(shown_block(block), result=shown_block(results[name]))
    if not (name := _answers(block)) or name not in calls:
        return shown_block(block)
    tool = shown_block(calls[name]).title
    if name in results:
        return Shown(kind="result", title=tool, tool_use_id=name, failed=block.get("is_error") is True, elsewhere=True)
    return replace(shown_block(block), title=tool)


def _calls(block: JsonObject) -> str:
    """Id of the call that this block is; empty: it is none."""
    kind, name = block.get("type"), block.get("id")
    return name if isinstance(kind, str) and kind.endswith("tool_use") and isinstance(name, str) else ""


def _answers(block: JsonObject) -> str:
    """Id of the call that this block is the result of; empty: it is none."""
    kind, name = block.get("type"), block.get("tool_use_id")
    return name if isinstance(kind, str) and kind.endswith("tool_result") and isinstance(name, str) else ""


def _weight(block: JsonObject) -> int:
    return sum(len(value) if isinstance(value, str) else 64 for value in block.values())
