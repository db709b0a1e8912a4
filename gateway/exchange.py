"""What must happen next in an exchange? A state machine without IO: inputs go in, commands come out.

Theory of operation
===================

One ``Exchange`` lives as long as one HTTP request and its answer. The shell (``gateway/conductor.py``) tells it what
has happened (an *input*) and carries out, in order, the *commands* it gets back. Four commands are questions:
``TakeTurns``, ``SyncJournal``, ``OpenUpstream`` and ``ReadUpstream``. A question is always the last of its batch and
there is one in every batch until the exchange is over, so the shell is a loop: obey, ask, tell.

=============  ==========================================================  ==============================
state          waits for                                                   goes to
=============  ==========================================================  ==============================
``NEW``        the request                                                 ``SLICING`` or ``STORING``
``SLICING``    others' turn, between two slices of a large body            ``SLICING`` or ``STORING``
``STORING``    the disk: is the request safe?                              ``OPENING``
``OPENING``    upstream's head                                             ``STREAMING`` or ``ENDING``
``STREAMING``  bytes of the answer                                         ``STREAMING`` or ``ENDING``
``ENDING``     the disk: is the terminal record safe?                      ``OVER``
``OVER``       nothing
=============  ==========================================================  ==============================

From every state a client that is gone, or a gateway that must stop, leads to ``OVER`` at once.

Three rules hold everywhere, and the order of the commands is what keeps them:

* Record first. The request is in the journal before upstream is opened; a chunk is in the journal before it is sent.
* One end. Every recorded request gets exactly one END, and the END of a whole answer is recorded and synced before
  the client can see that the answer is whole. So the last thing the client needs is held back in ``ENDING``: the
  terminator of a chunked body, the last read of a body of known length, the head of an answer without a body.
  Nothing else is held back, and the disk gets 50 ms, then the exchange goes on and says *deferred*.
* No false end. An answer that was cut is never finished: the client's connection is cut, so that it can see it.

A failure before the head makes an answer of our own. It is recorded like any other, so that every byte the client
got can be replayed.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from gateway.answers import AnswerHead
from gateway.error_replies import Refusal, refused, upstream_failed
from gateway.frames import MAX_PIECE_BYTES, Kind
from gateway.records import EndRecord, ForwardedRecord, HeaderLine, Outcome, RequestRecord, ResponseRecord

Bytes = bytes | memoryview
SYNC_DEADLINE_S = 0.05
SLICE_BYTES = 512 * 1024
"""Of a request's body, recorded in one go: about a millisecond."""

# ---------------------------------------------------------------------------------------------- inputs: what happened


class RequestRead(msgspec.Struct, frozen=True, gc=False):
    """The whole request has been read."""

    record: RequestRecord
    body: bytes | bytearray


class TurnsTaken(msgspec.Struct, frozen=True, gc=False):
    """Whatever else was due has been done."""


class JournalSynced(msgspec.Struct, frozen=True, gc=False):
    """The disk has answered, or has taken too long."""

    on_disk: bool


class UpstreamAnswered(msgspec.Struct, frozen=True, gc=False):
    """Upstream's head has come."""

    record: ResponseRecord
    head: AnswerHead


class BytesReceived(msgspec.Struct, frozen=True, gc=False):
    """Bytes of the answer have come off the socket."""

    data: bytes
    """At least one."""


class UpstreamEnded(msgspec.Struct, frozen=True, gc=False):
    """The answer is complete in HTTP's sense."""


class UpstreamFailed(msgspec.Struct, frozen=True, gc=False):
    """Upstream cannot be reached, broke off or keeps silent."""

    outcome: Literal["upstream", "timeout"]
    detail: str
    """A short word on the cause, without payload and without secrets."""
    refusal: Refusal | None = None
    """Why it was not asked, for the client to read; None: it was asked."""


class ClientGone(msgspec.Struct, frozen=True, gc=False):
    """The client's connection is lost, or the client has not read from it for too long."""

    unsent: int = 0
    """Bytes of SendBytes commands that were not handed to the connection."""
    detail: str = ""


class Aborted(msgspec.Struct, frozen=True, gc=False):
    """The gateway must stop, or cannot go on with this exchange."""

    detail: str = ""


Input = (
    RequestRead
    | TurnsTaken
    | JournalSynced
    | UpstreamAnswered
    | BytesReceived
    | UpstreamEnded
    | UpstreamFailed
    | ClientGone
    | Aborted
)

# -------------------------------------------------------------------------------------------- commands: what to do now


class Record(msgspec.Struct, frozen=True, gc=False):
    """Write a record to the journal."""

    kind: Kind
    content: RequestRecord | ForwardedRecord | ResponseRecord | EndRecord


class RecordPiece(msgspec.Struct, frozen=True, gc=False):
    """Write bytes of the request or of the answer to the journal."""

    kind: Literal[Kind.REQUEST_BODY, Kind.CHUNK]
    offset: int
    data: Bytes


class TakeTurns(msgspec.Struct, frozen=True, gc=False):
    """Let the others of this process do what is due: this exchange has held them up long enough. Answer: TurnsTaken."""


class SyncJournal(msgspec.Struct, frozen=True, gc=False):
    """Bring what was recorded to the disk, but wait no longer than this. Answer: JournalSynced."""

    deadline_s: float


class OpenUpstream(msgspec.Struct, frozen=True, gc=False):
    """Send the request upstream. Answer: UpstreamAnswered or UpstreamFailed."""


class ReadUpstream(msgspec.Struct, frozen=True, gc=False):
    """Wait for what comes next. Answer: BytesReceived, UpstreamEnded or UpstreamFailed."""


class SendHead(msgspec.Struct, frozen=True, gc=False):
    """Send status and headers to the client."""

    head: AnswerHead


class SendBytes(msgspec.Struct, frozen=True, gc=False):
    """Send bytes of the body to the client."""

    data: bytes


class FinishResponse(msgspec.Struct, frozen=True, gc=False):
    """Tell the client that the answer is whole."""


class CutClient(msgspec.Struct, frozen=True, gc=False):
    """Break the client's connection so that it cannot take what it got for the whole."""


class CloseUpstream(msgspec.Struct, frozen=True, gc=False):
    """Close upstream's connection: it must not be used again."""


Question = TakeTurns | SyncJournal | OpenUpstream | ReadUpstream
Command = Record | RecordPiece | SendHead | SendBytes | FinishResponse | CutClient | CloseUpstream | Question
Commands = tuple[Command, ...]

# ------------------------------------------------------------------------------------------------------- the machine


_READ_ON = ReadUpstream()


class State(StrEnum):
    """Where an exchange stands; see the table above."""

    NEW = "new"
    SLICING = "slicing"
    STORING = "storing"
    OPENING = "opening"
    STREAMING = "streaming"
    ENDING = "ending"
    OVER = "over"


class Exchange:
    """One exchange."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self.state = State.NEW
        self.outcome: Outcome | None = None
        """How it ended; None: it has not ended."""
        self.received = 0
        """Bytes of the answer that have come."""
        self.delivered = 0
        """Bytes of the answer handed to the client's connection."""
        self._head_only = False
        self._unstored = memoryview(b"")
        """Of the request's body."""
        self._stored = 0
        self._length: int | None = None
        self._held: Commands = ()
        """What goes to the client once the terminal record is safe."""

    def receive(self, happened: Input) -> Commands:
        """The commands that follow. Raises ValueError, and changes nothing, if the state does not wait for this."""
        move = self._moves[self.state].get(type(happened))
        if move is None:
            raise ValueError(f"{type(happened).__name__} does not happen in state {self.state.value}")
        return move(self, happened)

    def _store(self, request: RequestRead) -> Commands:
        self._head_only = request.record.method == "HEAD"
        self._unstored = memoryview(request.body)
        return (Record(Kind.REQUEST, request.record), *self._store_on())

    def _store_on(self, *_: TurnsTaken) -> Commands:
        slice_, self._unstored = self._unstored[:SLICE_BYTES], self._unstored[SLICE_BYTES:]
        pieces = _pieces(Kind.REQUEST_BODY, self._stored, slice_)
        self._stored += len(slice_)
        if self._unstored:
            self.state = State.SLICING
            return (*pieces, TakeTurns())
        self.state = State.STORING
        self._unstored = memoryview(b"")
        return (*pieces, SyncJournal(SYNC_DEADLINE_S))

    def _forward(self, synced: JournalSynced) -> Commands:
        self.state = State.OPENING
        return Record(Kind.FORWARDED, ForwardedRecord(deferred=not synced.on_disk)), OpenUpstream()

    def _answer(self, answered: UpstreamAnswered) -> Commands:
        recorded = Record(Kind.RESPONSE, answered.record)
        self._length = answered.head.length
        if self._length == 0:
            return (recorded, *self._end_whole(SendHead(answered.head), FinishResponse()))
        self.state = State.STREAMING
        return recorded, SendHead(answered.head), ReadUpstream()

    def _answer_ourselves(self, failed: UpstreamFailed) -> Commands:
        if failed.refusal is None:
            own = upstream_failed(failed.outcome, failed.detail, self._request_id)
        else:
            own = refused(failed.refusal, self._request_id)
        body = b"" if self._head_only else own.body
        lines = tuple(HeaderLine(name.decode(), value.decode()) for name, value in own.head.headers)
        self.state = State.ENDING
        self.received = self.delivered = len(body)
        sent = (SendBytes(body),) if body else ()
        self._held = (SendHead(replace(own.head, length=len(body))), *sent, FinishResponse())
        return (
            Record(Kind.RESPONSE, ResponseRecord("gateway", own.head.status, lines)),
            *_pieces(Kind.CHUNK, 0, body),
            self._end(failed.outcome, failed.detail),
            CloseUpstream(),
            SyncJournal(SYNC_DEADLINE_S),
        )

    def _pass_on(self, came: BytesReceived) -> Commands:
        size = len(came.data)
        left = size + 1 if self._length is None else self._length - self.received
        if size > left:
            return self._break_off(UpstreamFailed("upstream", "the answer is longer than its length"))
        pieces = _pieces(Kind.CHUNK, self.received, came.data)
        self.received += size
        self.delivered = self.received
        if size == left:
            return (*pieces, *self._end_whole(SendBytes(came.data), FinishResponse()))
        return (*pieces, SendBytes(came.data), _READ_ON)

    def _complete(self, _: UpstreamEnded) -> Commands:
        if self._length is not None:
            return self._break_off(UpstreamFailed("upstream", "the answer is shorter than its length"))
        return self._end_whole(FinishResponse())

    def _end_whole(self, *held: Command) -> Commands:
        self.state = State.ENDING
        self._held = held
        return self._end("completed"), SyncJournal(SYNC_DEADLINE_S)

    def _release(self, _: JournalSynced | Aborted) -> Commands:
        self.state = State.OVER
        return self._held

    def _break_off(self, failed: UpstreamFailed) -> Commands:
        return self._cut(failed.outcome, failed.detail)

    def _lose_client(self, gone: ClientGone) -> Commands:
        self.delivered -= gone.unsent
        return self._cut("client", gone.detail)

    def _abort(self, aborted: Aborted) -> Commands:
        return self._cut("shutdown", aborted.detail)

    def _cut(self, outcome: Outcome, detail: str) -> Commands:
        return self._end(outcome, detail), *self._leave()

    def _leave(self, *_: ClientGone | Aborted) -> Commands:
        """Go without an END: it is recorded already, or there is nothing to end."""
        self.state = State.OVER
        return CutClient(), CloseUpstream()

    def _stay(self, _: ClientGone | Aborted) -> Commands:
        return ()

    def _end(self, outcome: Outcome, detail: str = "") -> Record:
        self.outcome = outcome
        return Record(Kind.END, EndRecord(outcome, self.received, self.delivered, detail))

    _moves: ClassVar[dict[State, dict[type[Input], Callable[..., Commands]]]] = {
        State.NEW: {
            RequestRead: _store,
            ClientGone: _leave,
            Aborted: _leave,
        },
        State.SLICING: {
            TurnsTaken: _store_on,
            ClientGone: _lose_client,
            Aborted: _abort,
        },
        State.STORING: {
            JournalSynced: _forward,
            ClientGone: _lose_client,
            Aborted: _abort,
        },
        State.OPENING: {
            UpstreamAnswered: _answer,
            UpstreamFailed: _answer_ourselves,
            ClientGone: _lose_client,
            Aborted: _abort,
        },
        State.STREAMING: {
            BytesReceived: _pass_on,
            UpstreamEnded: _complete,
            UpstreamFailed: _break_off,
            ClientGone: _lose_client,
            Aborted: _abort,
        },
        State.ENDING: {
            JournalSynced: _release,
            ClientGone: _leave,
            Aborted: _release,
        },
        State.OVER: {
            ClientGone: _stay,
            Aborted: _stay,
        },
    }


def _pieces(kind: Literal[Kind.REQUEST_BODY, Kind.CHUNK], offset: int, data: Bytes) -> tuple[RecordPiece, ...]:
    if len(data) <= MAX_PIECE_BYTES:
        return (RecordPiece(kind, offset, data),) if data else ()
    starts = range(0, len(data), MAX_PIECE_BYTES)
    return tuple(RecordPiece(kind, offset + at, data[at : at + MAX_PIECE_BYTES]) for at in starts)
