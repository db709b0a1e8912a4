"""How does a client write its memory down, this time? The reshapings of claude-code-wire.md §2."""

from collections.abc import Sequence
from dataclasses import replace

from tests.forest.dialects import Dialect
from tests.forest.shapes import Block, Json, Message, reminder, text
from tests.forest.vocabulary import Words

MARK = {"type": "ephemeral"}
_NAG = "This is a reminder that your todo list is currently empty. DO NOT mention this to the user."


def written(history: Sequence[Message], dialect: Dialect, words: Words, marked: int | None = None) -> list[Json]:
    """The ``messages`` of a request. ``marked``: which message carries the newest cache mark; None: the last."""
    if dialect.plain:
        return [_plainly(message, words) for message in history]
    messages = list(history) if marked is not None else _merged(history, words)
    messages = [_with_line_feeds(message, words) for message in messages]
    if dialect.old:
        messages[-1] = _nagged(messages[-1], words)
    marks = _marks(messages, dialect, marked)
    return [_as_json(one, words, mark=n in marks, last=n == len(messages) - 1) for n, one in enumerate(messages)]


def _plainly(message: Message, words: Words) -> Json:
    if message.role == "assistant" and words.chance(0.3):
        message = replace(message, blocks=tuple(_stripped(block) for block in message.blocks))
    alone = len(message.blocks) == 1 and message.blocks[0]["type"] == "text"
    content = message.blocks[0]["text"] if alone and words.chance(0.7) else [dict(one) for one in message.blocks]
    return {"role": message.role, "content": content}


def _stripped(block: Block) -> Block:
    return {**block, "text": block["text"].strip()} if block["type"] == "text" else block


def _merged(history: Sequence[Message], words: Words) -> list[Message]:
    """Adjacent user messages often become one."""
    messages = list[Message]()
    for message in history:
        before = messages[-1] if messages else None
        if before is not None and before.role == message.role == "user" and words.chance(0.5):
            messages[-1] = replace(before, blocks=before.blocks + message.blocks)
        else:
            messages.append(message)
    return messages


def _with_line_feeds(message: Message, words: Words) -> Message:
    """A text that is followed by another block may get a line feed."""
    if message.role != "user":
        return message
    *first, last = message.blocks
    fed = [text(f"{one['text']}\n") if one["type"] == "text" and words.chance(0.5) else one for one in first]
    return replace(message, blocks=(*fed, last))


def _nagged(message: Message, words: Words) -> Message:
    """Old clients put reminders at the ends of the last message, and take them away again."""
    if message.role != "user" or not words.chance(0.4):
        return message
    nag = reminder(_NAG)
    return replace(message, blocks=(nag, *message.blocks) if words.chance(0.5) else (*message.blocks, nag))


def _marks(messages: Sequence[Message], dialect: Dialect, marked: int | None) -> set[int]:
    if marked is not None:
        return {marked}
    answers = [n for n, message in enumerate(messages) if message.role == "assistant"]
    return {len(messages) - 1, *(answers[-1:] if dialect.old else ())}


def _as_json(message: Message, words: Words, *, mark: bool, last: bool) -> Json:
    blocks = [_shuffled(block, words) for block in message.blocks]
    if mark and blocks:
        blocks[-1] = {**blocks[-1], "cache_control": MARK}
    content: Json = blocks
    if len(blocks) == 1 and not mark and blocks[0]["type"] == "text" and message.role != "assistant":
        content = blocks[0]["text"] if not last or words.chance(0.3) else blocks
    effort = {"output_config": {"effort": "medium"}} if message.role == "system" else {}
    return {"role": message.role, "content": content, **effort}


def _shuffled(block: Block, words: Words) -> Block:
    """The order of keys in a tool result varies."""
    if block["type"] != "tool_result":
        return dict(block)
    return dict(words.random.sample(list(block.items()), len(block)))
