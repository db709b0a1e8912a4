"""What is known when a link is decided? The request asked about, and what was found that may stand before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.answer_facts import AnswerState
from domain.classification import RequestClass
from domain.exchange_facts import Moment, Thread
from domain.held_answers import NOTHING_HELD, HeldAnswer

NO_THREAD = Thread(None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The request that is asked about."""

    moment: Moment
    thread: Thread
    request_class: RequestClass
    side: bool = False
    """It stands on the main history without continuing it."""
    helper: bool = False
    """Auxiliary for want of tools alone."""
    history: bool = False
    """It holds earlier answers."""
    depth: int = 0
    """Blocks on its path."""
    held: HeldAnswer = NOTHING_HELD
    """The newest answer it holds."""
    opening: str = ""
    """Its first text, if that may hand on a summary."""
    continuation: str = ""
    """Its new text that says that it does."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An exchange that may stand before the request."""

    moment: Moment
    thread: Thread
    state: AnswerState
    depth: int = 0
    """Where on the request's path it ends: blocks up to its answer's end, or, if that is not held, to its request's."""
    ended_at: datetime | None = None
    empty: bool = False
    """Its answer says nothing that counts."""
    prompted: bool = True
    """Something was typed for it; else it only brought tool results."""
    cut_text: str = ""
    """Of a cut answer: its text without white space."""
    tool_uses: tuple[str, ...] = ()
    same_device: bool = True
    same_signatures: bool = False
    """All thinking up to its answer's end is signed as the request holds it."""


@dataclass(frozen=True, slots=True)
class PendingTask:
    """A call that may have started a sub-task, in the order of the answers and of the calls in them."""

    moment: Moment
    """Of the exchange whose answer holds the call."""
    tool_use_id: str
    agent: str | None = None
    """The agent it started, where the client has said so."""
    ran: bool = True
    """The answer came whole: the client runs no call of one that was cut."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A summarising call that was answered."""

    moment: Moment
    text: str
    agent: str | None = None
    same_session: bool = True


@dataclass(frozen=True, slots=True)
class Author:
    """An exchange whose answer is the newest that the request holds, whatever stands before it there."""

    moment: Moment
    by: Literal["tool use id", "equal answer"]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of the request's place."""

    who: str
    why: str
    parent: Moment | None
    """None: it is a root."""
    parent_thread: Thread = NO_THREAD
    parent_class: RequestClass = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found for one request, all in its scope. Whatever is not earlier than it is passed over."""

    correction: Correction | None = None
    attempts: Sequence[Earlier] = ()
    """Exchanges with the same messages."""
    holders: Sequence[Earlier] = ()
    """Exchanges of the thread whose request and answer the path holds."""
    askers: Sequence[Earlier] = ()
    """Exchanges of the thread whose request the path holds, and more, but not their answer."""
    strangers: Sequence[Earlier] = ()
    """Exchanges of other sessions whose request and answer the path holds. Only for the first request of a session's
    main thread that holds an answer."""
    cut_strangers: Sequence[Earlier] = ()
    """Of these the ones whose answer was cut and whose request the path holds up to the newest answer in it."""
    authors: Sequence[Author] = ()
    """Exchanges of the thread that gave the newest answer the request holds."""
    donors: Sequence[Earlier] = ()
    """Exchanges of the session's other threads whose request and answer an agent's first request holds."""
    tasks: Sequence[PendingTask] = ()
    """Calls of the session with the request's prompt, of which it holds the id, or that started it as an agent."""
    rivals: Sequence[Earlier] = ()
    """First requests of other sub-tasks of the session with the same prompt."""
    summaries: Sequence[Summary] = ()
    """Answered summarising calls of the session; of other sessions only those whose summary the first request of a
    session hands on."""
    newest: Moment | None = None
    """The thread's newest exchange before the request; of a sub-agent's first request, that of who started it."""
