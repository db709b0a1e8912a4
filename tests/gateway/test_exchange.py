"""Record first, one end, no false end: by transcript, and for every sequence of inputs."""

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import AnswerHead
from gateway.error_replies import Refusal
from gateway.exchange import (
    SLICE_BYTES,
    SYNC_DEADLINE_S,
    Aborted,
    BytesReceived,
    ClientGone,
    CloseUpstream,
    Command,
    Commands,
    CutClient,
    Exchange,
    FinishResponse,
    Input,
    JournalSynced,
    OpenUpstream,
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
from gateway.frames import MAX_PIECE_BYTES, Kind
from gateway.records import EndRecord, ForwardedRecord, HeaderLine, Outcome, RequestRecord, ResponseRecord
from tests.playbook import Playbook

ID = "01990000-0000-7000-8000-000000000001"
SYNC = SyncJournal(SYNC_DEADLINE_S)
ON_DISK, LATE = JournalSynced(on_disk=True), JournalSynced(on_disk=False)
CAME = ResponseRecord("upstream", 200, (HeaderLine("a", "b"),), "req_1")


def request(body: bytes = b"", method: str = "POST") -> RequestRead:
    return RequestRead(RequestRecord(1, "pass_through", method, "/v1/messages", (), "here", len(body)), body)


def answered(length: int | None) -> UpstreamAnswered:
    return UpstreamAnswered(CAME, AnswerHead(200, b"OK", ((b"a", b"b"),), length))


def end(outcome: Outcome, received: int = 0, delivered: int | None = None, detail: str = "") -> Record:
    return Record(Kind.END, EndRecord(outcome, received, received if delivered is None else delivered, detail))


def forwarded(*, deferred: bool = False) -> Record:
    return Record(Kind.FORWARDED, ForwardedRecord(deferred))


def chunk(offset: int, data: bytes) -> RecordPiece:
    return RecordPiece(Kind.CHUNK, offset, data)


def opening(asked: RequestRead | None = None) -> Playbook:
    """Up to the moment where upstream is opened."""
    asked = asked or request()
    book = Playbook(Exchange(ID)) >> asked << Record(Kind.REQUEST, asked.record)
    if asked.body:
        book <<= RecordPiece(Kind.REQUEST_BODY, 0, bytes(asked.body))
    return book << SYNC >> ON_DISK << forwarded() << OpenUpstream()


def streaming(length: int | None = None) -> Playbook:
    head = answered(length)
    return opening() >> head << Record(Kind.RESPONSE, CAME) << SendHead(head.head) << ReadUpstream()


# -------------------------------------------------------------------------------------------------------- transcripts


def test_a_streamed_answer_is_recorded_before_it_is_sent_and_its_terminator_waits_for_the_disk() -> None:
    assert (
        streaming()
        >> BytesReceived(b"one") << chunk(0, b"one") << SendBytes(b"one") << ReadUpstream()
        >> BytesReceived(b"two") << chunk(3, b"two") << SendBytes(b"two") << ReadUpstream()
        >> UpstreamEnded() << end("completed", 6) << SYNC
        >> ON_DISK << FinishResponse()
    )  # fmt: skip


def test_under_a_known_length_only_the_last_read_waits_for_the_disk() -> None:
    assert (
        streaming(5)
        >> BytesReceived(b"one") << chunk(0, b"one") << SendBytes(b"one") << ReadUpstream()
        >> BytesReceived(b"tw") << chunk(3, b"tw") << end("completed", 5) << SYNC
        >> ON_DISK << SendBytes(b"tw") << FinishResponse()
    )  # fmt: skip


def test_an_answer_without_a_body_waits_for_the_disk_as_a_whole() -> None:
    head = answered(0)
    book = opening() >> head << Record(Kind.RESPONSE, CAME) << end("completed") << SYNC
    assert book >> LATE << SendHead(head.head) << FinishResponse()


def test_a_slow_disk_defers_but_does_not_stop_the_request() -> None:
    asked = request(b"body")
    book = Playbook(Exchange(ID)) >> asked << Record(Kind.REQUEST, asked.record)
    book = book << RecordPiece(Kind.REQUEST_BODY, 0, b"body") << SYNC
    assert book >> LATE << forwarded(deferred=True) << OpenUpstream()


@pytest.mark.parametrize("size", [1, MAX_PIECE_BYTES, MAX_PIECE_BYTES + 1, 3 * MAX_PIECE_BYTES])
def test_large_bodies_and_chunks_are_recorded_in_pieces_that_join_to_the_whole(size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    exchange = Exchange(ID)
    stored = exchange.receive(request(body))
    exchange.receive(ON_DISK)
    exchange.receive(answered(None))
    came = exchange.receive(BytesReceived(body))
    for commands, kind in ((stored, Kind.REQUEST_BODY), (came, Kind.CHUNK)):
        pieces = [one for one in commands if isinstance(one, RecordPiece)]
        assert {piece.kind for piece in pieces} == {kind}
        assert all(0 < len(piece.data) <= MAX_PIECE_BYTES for piece in pieces)
        assert [piece.offset for piece in pieces] == list(range(0, size, MAX_PIECE_BYTES))
        assert b"".join(piece.data for piece in pieces) == body
    assert came[-2:] == (SendBytes(body), ReadUpstream())


@pytest.mark.parametrize("size", [SLICE_BYTES, SLICE_BYTES + 1, 5 * SLICE_BYTES // 2])
def test_a_large_request_is_recorded_in_slices_between_which_others_have_their_turn(size: int) -> None:
    asked = request(bytes(i % 251 for i in range(size)))
    exchange = Exchange(ID)
    batches = [exchange.receive(asked)]
    while batches[-1][-1] == TakeTurns():
        with pytest.raises(ValueError, match="JournalSynced does not happen in state slicing"):
            exchange.receive(ON_DISK)
        batches.append(exchange.receive(TurnsTaken()))
    assert batches[-1][-1] == SYNC, "the disk is asked once all of it is recorded, and upstream only then"
    slices = [b"".join(one.data for one in batch if isinstance(one, RecordPiece)) for batch in batches]
    assert b"".join(slices) == asked.body
    assert [len(one) for one in slices[:-1]] == [SLICE_BYTES] * (len(slices) - 1)
    assert exchange.receive(ON_DISK) == (forwarded(), OpenUpstream())


@pytest.mark.parametrize(("why", "outcome"), [(ClientGone(), "client"), (Aborted(), "shutdown")])
def test_between_slices_an_exchange_can_end(why: Input, outcome: Outcome) -> None:
    exchange = Exchange(ID)
    exchange.receive(request(bytes(SLICE_BYTES + 1)))
    assert exchange.receive(why) == (end(outcome), CutClient(), CloseUpstream())


@pytest.mark.parametrize(("outcome", "status"), [("upstream", 502), ("timeout", 504)])
def test_a_failure_before_the_head_makes_a_recorded_answer_of_our_own(outcome: str, status: int) -> None:
    exchange = Exchange(ID)
    exchange.receive(request())
    exchange.receive(ON_DISK)
    recorded = exchange.receive(UpstreamFailed(outcome, "connection refused"))  # type: ignore[arg-type]
    sent = exchange.receive(ON_DISK)
    head, data, finish = sent
    assert isinstance(head, SendHead)
    assert isinstance(data, SendBytes)
    assert finish == FinishResponse()
    answer = msgspec.json.decode(data.data)
    assert answer["type"] == "error"
    assert answer["request_id"] == ID
    assert "connection refused" in answer["error"]["message"]
    assert head.head.status == status
    assert head.head.length == len(data.data)
    lines = tuple(HeaderLine(name.decode(), value.decode()) for name, value in head.head.headers)
    assert recorded == (
        Record(Kind.RESPONSE, ResponseRecord("gateway", status, lines)),
        chunk(0, data.data),
        end(outcome, len(data.data), detail="connection refused"),  # type: ignore[arg-type]
        CloseUpstream(),
        SYNC,
    )
    assert exchange.outcome == outcome
    assert exchange.state is State.OVER


def test_a_request_that_upstream_was_not_asked_is_answered_and_recorded_with_the_reason() -> None:
    exchange = Exchange(ID)
    exchange.receive(request())
    exchange.receive(ON_DISK)
    no = Refusal(403, "Add a credential.", ((b"x", b"y"),))
    recorded = exchange.receive(UpstreamFailed("upstream", "no credential", no))
    head, data, _ = exchange.receive(ON_DISK)
    assert isinstance(head, SendHead)
    assert isinstance(data, SendBytes)
    assert head.head.status == 403
    assert (b"x", b"y") in head.head.headers
    assert msgspec.json.decode(data.data)["error"] == {"type": "permission_error", "message": "Add a credential."}
    assert recorded[2] == end("upstream", len(data.data), detail="no credential")


def test_a_failed_head_request_gets_no_body() -> None:
    exchange = Exchange(ID)
    exchange.receive(request(method="HEAD"))
    exchange.receive(ON_DISK)
    recorded = exchange.receive(UpstreamFailed("upstream", "x"))
    assert not [one for one in recorded if isinstance(one, RecordPiece)]
    assert end("upstream", 0, detail="x") in recorded
    head, finish = exchange.receive(ON_DISK)
    assert isinstance(head, SendHead)
    assert head.head.length == 0
    assert finish == FinishResponse()


@pytest.mark.parametrize("outcome", ["upstream", "timeout"])
def test_a_failure_after_the_head_cuts_the_client(outcome: str) -> None:
    book = streaming() >> BytesReceived(b"one") << chunk(0, b"one") << SendBytes(b"one") << ReadUpstream()
    failed = UpstreamFailed(outcome, "reset")  # type: ignore[arg-type]
    assert book >> failed << end(outcome, 3, detail="reset") << CutClient() << CloseUpstream()  # type: ignore[arg-type]


def test_an_answer_that_ends_before_its_length_is_cut() -> None:
    book = streaming(9) >> BytesReceived(b"one") << chunk(0, b"one") << SendBytes(b"one") << ReadUpstream()
    ended = end("upstream", 3, detail="the answer is shorter than its length")
    assert book >> UpstreamEnded() << ended << CutClient() << CloseUpstream()


def test_an_answer_that_goes_beyond_its_length_is_cut_before_it_does() -> None:
    ended = end("upstream", 0, detail="the answer is longer than its length")
    assert streaming(2) >> BytesReceived(b"one") << ended << CutClient() << CloseUpstream()


def test_a_client_that_goes_away_ends_the_exchange_with_what_was_delivered() -> None:
    book = streaming() >> BytesReceived(b"one") << chunk(0, b"one") << SendBytes(b"one") << ReadUpstream()
    book = book >> BytesReceived(b"four") << chunk(3, b"four") << SendBytes(b"four") << ReadUpstream()
    gone = ClientGone(unsent=4, detail="the client does not read")
    ended = end("client", 7, 3, "the client does not read")
    assert book >> gone << ended << CutClient() << CloseUpstream() >> ClientGone() >> Aborted()


def test_a_client_that_goes_away_early_never_reaches_upstream() -> None:
    asked = request()
    book = Playbook(Exchange(ID)) >> asked << Record(Kind.REQUEST, asked.record) << SYNC
    assert book >> ClientGone() << end("client") << CutClient() << CloseUpstream()


def test_a_client_that_goes_away_while_the_end_is_synced_leaves_one_end() -> None:
    book = streaming() >> UpstreamEnded() << end("completed") << SYNC
    assert book >> ClientGone() << CutClient() << CloseUpstream()


def test_an_abort_lets_a_whole_answer_out_and_cuts_any_other() -> None:
    whole = streaming() >> UpstreamEnded() << end("completed") << SYNC
    assert whole >> Aborted() << FinishResponse()
    assert (
        streaming()
        >> Aborted("internal error")
        << end("shutdown", 0, 0, "internal error")
        << CutClient()
        << (CloseUpstream())
    )


@pytest.mark.parametrize("why", [ClientGone(), Aborted()])
def test_nothing_is_recorded_of_what_never_became_a_request(why: Input) -> None:
    assert Playbook(Exchange(ID)) >> why << CutClient() << CloseUpstream()


def test_an_input_out_of_turn_is_refused_and_changes_nothing() -> None:
    exchange = Exchange(ID)
    before = dict(vars(exchange))
    with pytest.raises(ValueError, match="BytesReceived does not happen in state new"):
        exchange.receive(BytesReceived(b"x"))
    assert vars(exchange) == before


# --------------------------------------------------------------------------------- every sequence, against an onlooker

SIZES = st.sampled_from([1, 2, 3, 70_000, MAX_PIECE_BYTES])
NO = Refusal(503, "Later.", kind="api_error")
datas = st.builds(lambda size, byte: bytes([byte]) * size, SIZES, st.integers(0, 255))
inputs: st.SearchStrategy[Input] = st.one_of(
    st.builds(request, st.just(b"") | datas, st.sampled_from(["POST", "HEAD"])),
    st.builds(JournalSynced, on_disk=st.booleans()),
    st.sampled_from([None, 0, 1, 3, 5, 70_000, 140_000]).map(answered),
    datas.map(BytesReceived),
    datas.map(BytesReceived),
    st.just(UpstreamEnded()),
    st.builds(UpstreamFailed, st.sampled_from(["upstream", "timeout"]), st.just("why"), st.none() | st.just(NO)),
    st.builds(ClientGone, st.just(0)),
    st.just(Aborted()),
)
likely: st.SearchStrategy[list[Input]] = st.builds(
    lambda asked, head, chunks, rest: [asked, ON_DISK, head, *chunks, *rest],
    st.builds(request, datas),
    st.sampled_from([None, None, 0, 3, 6, 70_000]).map(answered),
    st.lists(datas.map(BytesReceived), max_size=4),
    st.lists(inputs, max_size=3),
)


@dataclass
class Onlooker:
    """Watches the commands and knows the promises, not the machine."""

    records: list[Record | RecordPiece] = field(default_factory=list)
    syncs: int = 0
    sent: bytes = b""
    heads: int = 0
    opened: int = 0
    finished: bool = False
    cut: bool = False
    origin: str | None = None

    def recorded(self, kind: Kind) -> list[Record | RecordPiece]:
        return [one for one in self.records if one.kind is kind]

    @property
    def answer(self) -> bytes:
        return b"".join(one.data for one in self.recorded(Kind.CHUNK) if isinstance(one, RecordPiece))

    @property
    def end(self) -> EndRecord | None:
        for one in self.recorded(Kind.END):
            assert isinstance(one, Record)
            assert isinstance(one.content, EndRecord)
            return one.content
        return None

    def watch(self, commands: Commands, happened: Input) -> None:
        questions = [
            at for at, one in enumerate(commands) if isinstance(one, SyncJournal | OpenUpstream | ReadUpstream)
        ]
        assert questions in ([], [len(commands) - 1]), "a question is the last of its batch"
        for command in commands:
            self.see(command, happened)

    def see(self, command: Command, happened: Input) -> None:
        match command:
            case Record() | RecordPiece():
                assert not self.recorded(Kind.END), "nothing follows END"
                self.records.append(command)
                if isinstance(command, Record) and isinstance(command.content, ResponseRecord):
                    self.origin = command.content.origin
            case SyncJournal():
                self.syncs += 1
            case OpenUpstream():
                self.opened += 1
                assert self.syncs == 1
                assert self.records[0].kind is Kind.REQUEST
                assert self.recorded(Kind.FORWARDED), "what upstream saw has left a trace"
            case SendHead():
                self.heads += 1
                assert self.recorded(Kind.RESPONSE), "the head is recorded before it is sent"
            case SendBytes(data):
                assert self.heads == 1
                self.sent += data
                assert self.answer.startswith(self.sent), "a chunk is recorded before it is sent"
            case FinishResponse():
                self.finished = True
                assert self.heads == 1
                assert self.end is not None, "the end is recorded before the client sees it"
                assert isinstance(happened, JournalSynced | Aborted)
                assert self.syncs == 2, "and the disk was asked to keep it"
                assert self.sent == self.answer
            case CutClient():
                self.cut = True
            case _:
                pass


def expected_outcome(accepted: list[Input]) -> Outcome | None:
    """Who ended it, read off the inputs alone. None: nobody did, or there was nothing to end."""
    if not accepted or not isinstance(accepted[0], RequestRead):
        return None
    left: int | None = None
    for happened in accepted:
        if isinstance(happened, UpstreamAnswered):
            left = happened.head.length
        elif isinstance(happened, BytesReceived) and left is not None:
            left -= len(happened.data)
        if left == 0:
            return "completed"
        verdict = "upstream" if left is not None and left < 0 else verdict_of(happened, left)
        if verdict is not None:
            return verdict
    return None


def verdict_of(happened: Input, left: int | None) -> Outcome | None:
    match happened:
        case UpstreamEnded():
            return "upstream" if left else "completed"
        case UpstreamFailed(outcome):
            return outcome
        case ClientGone():
            return "client"
        case Aborted():
            return "shutdown"
        case _:
            return None


@given(likely | st.lists(inputs, max_size=8))
def test_whatever_happens_the_promises_hold(story: list[Input]) -> None:
    exchange, onlooker, accepted = Exchange(ID), Onlooker(), list[Input]()
    for happened in [*story, Aborted()]:
        before, over = dict(vars(exchange)), exchange.state is State.OVER
        try:
            commands = exchange.receive(happened)
        except ValueError:
            assert vars(exchange) == before
            continue
        assert not (over and commands), "what is over stays over"
        accepted.append(happened)
        onlooker.watch(commands, happened)
        asks = bool(commands) and isinstance(commands[-1], TakeTurns | SyncJournal | OpenUpstream | ReadUpstream)
        assert asks == (exchange.state is not State.OVER), "there is a question until it is over"
    assert exchange.state is State.OVER
    requests = onlooker.recorded(Kind.REQUEST)
    assert len(onlooker.recorded(Kind.END)) == len(requests) <= 1, "one end for every request"
    assert onlooker.finished != onlooker.cut, "the client sees a whole answer or a cut one"
    outcome = expected_outcome(accepted)
    assert exchange.outcome == outcome
    if onlooker.end is not None:
        assert onlooker.end.outcome == outcome
        assert onlooker.end.received == len(onlooker.answer) == exchange.received
        assert onlooker.finished <= (outcome == "completed" or onlooker.origin == "gateway"), "no false end"
        if onlooker.end.outcome != "completed" and onlooker.origin != "gateway":
            assert onlooker.end.delivered == len(onlooker.sent)
    if requests:
        (asked,) = [one for one in accepted if isinstance(one, RequestRead)]
        body = b"".join(one.data for one in onlooker.recorded(Kind.REQUEST_BODY) if isinstance(one, RecordPiece))
        assert body == asked.body


@given(st.integers(0, 10), st.integers(1, 10))
def test_delivered_leaves_out_what_was_not_handed_over(whole: int, lost: int) -> None:
    exchange = Exchange(ID)
    exchange.receive(request())
    exchange.receive(ON_DISK)
    exchange.receive(answered(None))
    for _ in range(whole):
        exchange.receive(BytesReceived(b"abc"))
    exchange.receive(BytesReceived(b"z" * lost))
    ended = exchange.receive(ClientGone(unsent=lost))[0]
    assert ended == end("client", 3 * whole + lost, 3 * whole)
