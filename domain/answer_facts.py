"""What must linking know of an answer? How it ended, where it stands, what it started, and what it hands on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from domain.assembly import AssembledMessage
from domain.blocks import BlockFacts, Task, block_facts, counts
from domain.classification import RequestClass
from domain.held_answers import content_digest, text_of, tool_uses_in
from domain.phrases import SUMMARY
from domain.trie import after
from schemas.anthropic.stream import read_object
from schemas.stored.events import ResponseAborted, ResponseCompleted

AnswerState = Literal["open", "finished", "refused", "cut", "failed"]
SUMMARY_CHARS = 200_000
TITLE_CHARS = 400
_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended, from its events."""

    end: ResponseCompleted | ResponseAborted | None = None
    status: int | None = None
    """HTTP status of the answer; None: there was none."""


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What came back, as far as it came."""

    state: AnswerState = "open"
    ended_at: datetime | None = None
    """None: it goes on, or nobody saw its end."""
    nodes: tuple[bytes, ...] = ()
    """The answer's own nodes, after the request's last one."""
    content: bytes | None = None
    """Digest of its blocks; None: nothing that counts."""
    tool_uses: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    summary: str = ""
    """What a summarising call's answer hands on."""
    title: str = ""
    """Of the session, if this is the client's own title call."""
    cut_text: str = ""
    """All its text without white space, if it was cut: the client may have kept the beginning."""


OPEN = AnswerFacts()


def said_in(message: AssembledMessage | None) -> tuple[BlockFacts, ...]:
    return tuple(block_facts(block.value) for block in message.blocks) if message is not None else ()


def answer_facts(
    said: Sequence[BlockFacts], message: AssembledMessage | None, node: bytes, ending: Ending, received_at: datetime
) -> AnswerFacts:
    """``said``: the message's blocks; ``node``: the request's last one. Of any class: see ``of_class``."""
    state, nodes = state_of(message, ending), list[bytes]()
    counted = [block for block in said if counts(block, by_assistant=True)]
    for block in counted:
        node = after(node, block.digest or b"", by_assistant=True)
        nodes.append(node)
    return AnswerFacts(
        state=state,
        ended_at=_ended_at(ending, received_at),
        nodes=tuple(nodes),
        content=content_digest(counted),
        tool_uses=tool_uses_in(said),
        tasks=tuple(block.task for block in said if block.task is not None),
        cut_text=text_of(counted)[:SUMMARY_CHARS] if state == "cut" else "",
    )


def of_class(answer: AnswerFacts, said: Sequence[BlockFacts], request_class: RequestClass) -> AnswerFacts:
    """Only a summarising call hands on a summary, and only an auxiliary one names a session."""
    if request_class == "compaction" and answer.state == "finished":
        return replace(answer, summary=(tagged_summary(said) or _text(said))[:SUMMARY_CHARS])
    if request_class == "auxiliary":
        return replace(answer, title=_title_in(_text(said)))
    return answer


def tagged_summary(said: Sequence[BlockFacts]) -> str:
    """What stands between the tags; empty: there are none."""
    found = SUMMARY.search(_text(said))
    return found[1].strip() if found else ""


def state_of(message: AssembledMessage | None, ending: Ending) -> AnswerState:
    """A stop reason makes an answer whole for the client, whatever the connection did then."""
    if message is not None and message.stop_reason == "refusal":
        return "refused"
    if message is not None and message.stop_reason is not None:
        return "finished"
    if ending.end is None:
        return "open"
    if ending.status is not None and ending.status >= _ERROR_STATUS:
        return "failed"
    broken = isinstance(ending.end, ResponseAborted)
    return "cut" if broken or (message is not None and message.blocks) else "failed"


def _text(said: Sequence[BlockFacts]) -> str:
    return "\n".join(block.text for block in said if block.text)


def _title_in(text: str) -> str:
    """``{"title": "…"}``: what the client asks for when it names a session."""
    said = read_object(text) if text.startswith("{") else None
    title = said.get("title") if said else None
    return title.strip()[:TITLE_CHARS] if isinstance(title, str) else ""


def _ended_at(ending: Ending, received_at: datetime) -> datetime | None:
    if ending.end is None or ending.end.elapsed_us is None:
        return None
    return received_at + timedelta(microseconds=ending.end.elapsed_us)
