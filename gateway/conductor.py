"""Who carries out what an exchange commands? The loop between the state machine, the journal, upstream and the client.

A batch of commands is obeyed at once, without a wait in between; then its question is asked and the answer told. While
an answer streams, no task is woken: upstream's connection tells the exchange what has come, and what follows is obeyed
on the spot. When the client is behind, the answer pauses: upstream is not read, and so slows down too. A head leaves
together with the bytes that came with it; if none are there yet, it leaves alone. Records that are there at the same
time are written together, before anything else happens that anybody else can see.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from gateway.exchange import (
    Aborted,
    BytesReceived,
    ClientGone,
    CloseUpstream,
    Commands,
    CutClient,
    Exchange,
    FinishResponse,
    Input,
    JournalSynced,
    OpenUpstream,
    Question,
    ReadUpstream,
    Record,
    RecordPiece,
    RequestRead,
    SendBytes,
    SendHead,
    State,
    SyncJournal,
    TakeTurns,
    TurnsTaken,
    UpstreamAnswered,
    UpstreamEnded,
    UpstreamFailed,
)
from gateway.headers import upstream_request_id
from gateway.metrics import Held, Metrics
from gateway.recorder import Recorder
from gateway.records import ResponseRecord
from gateway.upstream import Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest
from gateway.wire_response import ClientLostError, WireResponse


@dataclass(frozen=True, slots=True)
class Means:
    """What every exchange of a worker uses."""

    upstream: Upstream
    metrics: Metrics
    stall_s: float
    """A client that does not read what waits for it."""
    stopping: Callable[[], bool]
    """Is a cancelled exchange cancelled by us? Else its client is gone."""


class Conductor:
    """Carries one exchange from its request to its end. It is the sink of its answer."""

    def __init__(self, means: Means, exchange: Exchange, recorder: Recorder, response: WireResponse) -> None:
        self._means, self._exchange, self._recorder, self._response = means, exchange, recorder, response
        self._commands: Commands = ()
        self._request: UpstreamRequest | None = None
        """Kept until it is sent: a stream may last long, and a body may be large."""
        self._answer: UpstreamAnswer | None = None
        self._stream: asyncio.Future[Question | None] | None = None
        """While the answer streams: what is to be asked when that is over or must pause."""

    def take(self, read: RequestRead, request: UpstreamRequest) -> None:
        """The request to be conducted, as it is recorded and as it goes upstream."""
        self._means.metrics.request_bytes.inc(len(read.body))
        self._commands, self._request = self._exchange.receive(read), request

    async def conduct(self) -> None:
        """To the end, whatever happens. Raises CancelledError if it was cancelled."""
        try:
            await self._converse()
        except asyncio.CancelledError:
            self._give_up(Aborted() if self._means.stopping() else ClientGone())
            raise
        finally:
            if self._exchange.state is not State.OVER:
                self._give_up(Aborted("internal error"))
            self._answer = None  # it knows us as its sink: neither need wait for a collector of cycles
            self._account()

    async def _converse(self) -> None:
        commands, self._commands = self._commands, ()
        question = self._obey(commands)
        del commands
        while True:
            try:
                if self._response.congested:
                    self._recorder.write()
                    await self._response.wait_until_read(self._means.stall_s)
                if question is None:
                    return
                question = await self._follow(question)
            except ClientLostError as lost:
                question = self._lose_client(lost)

    async def _follow(self, question: Question) -> Question | None:
        """Ask it, tell the answer, obey; returns the next one. Raises ClientLostError."""
        if isinstance(question, ReadUpstream):
            return await self._read()
        return self._obey(self._exchange.receive(await self._ask(question)))

    async def _ask(self, question: SyncJournal | OpenUpstream | TakeTurns) -> Input:
        match question:
            case SyncJournal(deadline_s):
                return await self._sync(deadline_s)
            case OpenUpstream():
                return await self._open()
            case TakeTurns():
                await asyncio.sleep(0)
                return TurnsTaken()

    def _obey(self, commands: Commands) -> Question | None:
        """Raises ClientLostError."""
        for command in commands:
            if isinstance(command, (RecordPiece, Record)):
                self._recorder.record(command)
            elif isinstance(command, SendHead):  # it is only laid ready
                self._means.metrics.answered(command.head.status)
                self._response.send_head(command.head)
            elif isinstance(command, ReadUpstream):
                return command
            else:
                self._recorder.write()
                if isinstance(command, SendBytes):
                    self._response.send(command.data)
                elif isinstance(command, (SyncJournal, OpenUpstream, TakeTurns)):
                    return command
                else:
                    self._end(command)
        return None

    def _end(self, command: FinishResponse | CutClient | CloseUpstream) -> None:
        match command:
            case FinishResponse():
                self._response.finish()
            case CutClient():
                self._response.cut()
            case CloseUpstream():
                self._close_upstream()

    def _lose_client(self, lost: ClientLostError) -> Question | None:
        self._response.cut()
        return self._obey(self._exchange.receive(ClientGone(lost.unsent, lost.detail)))

    def _close_upstream(self) -> None:
        if self._answer is not None:
            self._answer.close()

    async def _sync(self, deadline_s: float) -> JournalSynced:
        part: Held = "request" if self._exchange.state is State.STORING else "answer"
        began = perf_counter()
        on_disk = await self._recorder.sync(deadline_s)
        self._means.metrics.held(part, perf_counter() - began)
        if not on_disk:
            self._means.metrics.deferred.inc()
        return JournalSynced(on_disk)

    async def _open(self) -> UpstreamAnswered | UpstreamFailed:
        request, self._request = self._request, None
        assert request is not None
        try:
            answer = self._answer = await self._means.upstream.open(request)
        except UpstreamError as error:
            return UpstreamFailed(error.outcome, error.detail, error.refusal)
        facts = self._recorder.facts(answer.headers)
        record = ResponseRecord("upstream", answer.head.status, facts, upstream_request_id(answer.told))
        return UpstreamAnswered(record, answer.head)

    # ------------------------------------------------------------------------------------------------- while it streams

    async def _read(self) -> Question | None:
        """Let the answer stream until it is over or the client is behind. Raises ClientLostError."""
        assert self._answer is not None
        stream = self._stream
        self._stream = asyncio.get_running_loop().create_future()
        if stream is None:
            self._answer.flow(self)
        else:
            self._answer.resume()
        if not self._stream.done():
            self._recorder.write()
            self._response.uncork()
        return await self._stream

    def received(self, data: bytes) -> None:
        self._tell(BytesReceived(data))

    def ended(self) -> None:
        self._tell(UpstreamEnded())

    def failed(self, error: UpstreamError) -> None:
        self._tell(UpstreamFailed(error.outcome, error.detail))

    def _tell(self, happened: Input) -> None:
        """Called from upstream's connection: nothing may be raised here, and nothing waited for."""
        assert self._stream is not None
        try:
            question = self._obey(self._exchange.receive(happened))
        except ClientLostError as lost:
            question = self._lose_client(lost)
        except Exception as error:  # noqa: BLE001  # it belongs to the exchange's task
            self._pause()
            if not self._stream.done():
                self._stream.set_exception(error)
            return
        if self._response.congested or not isinstance(question, ReadUpstream):
            self._pause()
            if not self._stream.done():  # else the task was cancelled, and gives up when it is its turn
                self._stream.set_result(question)

    def _pause(self) -> None:
        if self._answer is not None:
            self._answer.pause()

    def _give_up(self, why: ClientGone | Aborted) -> None:
        try:
            self._obey(self._exchange.receive(why))
        except ClientLostError:
            self._response.cut()

    def _account(self) -> None:
        metrics = self._means.metrics
        metrics.answer_bytes.inc(self._exchange.received)
        if self._exchange.outcome is not None:
            metrics.ended(self._exchange.outcome)
