"""``nexus events …``: what is stored of an exchange? Its stream, its request body and its answer, byte for byte."""

import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar
from uuid import UUID

import typer

from domain.errors import NexusError, SetupError
from domain.ports import EventLog, Payloads, Recorded
from domain.replay import chunks_of
from schemas.stored.events import ChunkStreamed, ExchangeEvent, RecordingGap, RequestReceived

app = typer.Typer(help="Show and replay what was recorded.", no_args_is_help=True)
RequestId = Annotated[str, typer.Argument(help="Request id: the x-nexus-request-id of the answer.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file, not to standard output.")]
T = TypeVar("T")


class NotRecordedError(NexusError):
    """There is nothing recorded under this id."""


@app.command(epilog="Example: nexus events show 01890a5d-ac96-774b-bcce-b302099a8057 --json")
def show(
    request_id: RequestId, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False
) -> None:
    """Print the events of an exchange."""
    one = _id(request_id)
    for recorded in _with_store(lambda log, _: _stream(log, one)):
        print(_as_json(recorded) if as_json else _as_text(recorded))


@app.command(epilog="Example: nexus events replay 01890a5d-ac96-774b-bcce-b302099a8057 --pace")
def replay(
    request_id: RequestId,
    pace: Annotated[bool, typer.Option("--pace", help="In the rhythm in which it came.")] = False,
    output: Output = None,
) -> None:
    """Write the recorded bytes of the answer (transfer-decoded, content-encoding kept)."""
    one = _id(request_id)

    async def read(log: EventLog, payloads: Payloads) -> tuple[Sequence[Recorded], bytes]:
        return await _stream(log, one), (await payloads.answers([one])).get(one, b"")

    stream, answer = _with_store(read)
    runs = [recorded.event for recorded in stream if isinstance(recorded.event, ChunkStreamed)]
    _write(output, lambda file: _play(runs, answer, file, time.sleep if pace else None))
    missing = sum(
        r.event.byte_count for r in stream if isinstance(r.event, RecordingGap) and r.event.part == "response"
    )
    if missing:
        raise NotRecordedError(f"{missing} bytes of this answer could not be recorded; the rest was written.")


@app.command(epilog="Example: nexus events body 01890a5d-ac96-774b-bcce-b302099a8057 --output body.json")
def body(request_id: RequestId, output: Output = None) -> None:
    """Write the recorded bytes of the request body."""
    one = _id(request_id)

    async def read(log: EventLog, payloads: Payloads) -> bytes:
        received = next((r.event for r in await _stream(log, one) if isinstance(r.event, RequestReceived)), None)
        if received is None or (received.body is None and received.byte_count):
            raise NotRecordedError("The body of this request could not be recorded.")
        return await payloads.body(received.scope, received.body) if received.body else b""

    data = _with_store(read)
    _write(output, lambda file: file.write(data))


def _play(runs: Sequence[ChunkStreamed], answer: bytes, file: BinaryIO, sleep: Callable[[float], None] | None) -> None:
    started, first_us = time.monotonic(), None
    for chunk in chunks_of(runs, answer):
        if sleep is not None:
            first_us = chunk.arrival_us if first_us is None else first_us
            sleep(max(0.0, (chunk.arrival_us - first_us) / 1e6 - (time.monotonic() - started)))
        file.write(chunk.data)
        if sleep is not None:
            file.flush()


def _write(output: Path | None, write: Callable[[BinaryIO], object]) -> None:
    if output is None:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            write(file)
    except OSError as error:
        raise SetupError(f"Cannot write {output}: {error.strerror}; choose another place with --output.") from error


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SetupError(f"{text!r} is no request id; it is the x-nexus-request-id of the answer.") from None


async def _stream(log: EventLog, request_id: UUID) -> Sequence[Recorded]:
    stream = await log.stream(request_id)
    if not stream:
        raise NotRecordedError(f"Nothing is recorded of {request_id}; it may not be shipped yet.")
    return stream


def _as_json(recorded: Recorded) -> str:
    return json.dumps({"position": recorded.position, "topic": _topic(recorded.event), **_data(recorded.event)})


def _as_text(recorded: Recorded) -> str:
    event, data = recorded.event, _data(recorded.event)
    at = data.pop("timestamp", "")
    facts = "  ".join(f"{name}={_short(value)}" for name, value in data.items() if not name.startswith("originator"))
    return f"{recorded.position:>8}  {event.originator_version:>4}  {at}  {_topic(event):<18}  {facts}"


def _data(event: object) -> dict[str, Any]:
    return event.model_dump(mode="json", exclude_none=True) if isinstance(event, ExchangeEvent) else {}


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _topic(event: object) -> str:
    return str(getattr(event, "TOPIC", type(event).__name__))


def _with_store(work: Callable[[EventLog, Payloads], Awaitable[T]]) -> T:
    from ops.db.event_log import PostgresEventLog
    from ops.db.payloads import PostgresPayloads
    from ops.reading import with_database

    return with_database("events", lambda found: work(PostgresEventLog(found.pool), PostgresPayloads(found.pool)))
