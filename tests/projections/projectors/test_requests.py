"""A request's row says what its events say."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.assembly import assemble
from domain.ids import Position
from domain.request_view import view_of_json
from ops.db.pool import Pool
from projections.exchanges import Exchange
from projections.projectors.requests import row_of, time_in
from schemas.stored.events import (
    BodyReference,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids

AT = datetime(2026, 11, 22, tzinfo=UTC)
ID = UUID("019aa000-0000-7000-8000-000000000001")
PLACE = {"originator_id": ID, "originator_version": 1, "timestamp": AT}
USAGE = {
    "input_tokens": 3,
    "output_tokens": 5,
    "cache_read_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 11, "ephemeral_1h_input_tokens": 13},
    "output_tokens_details": {"thinking_tokens": 2},
}


def request(**changes: object) -> RequestReceived:
    headers = (
        HeaderFact(name="User-Agent", value="claude-cli/2.1.330"),
        HeaderFact(name="X-Claude-Code-Session-Id", value="session"),
        HeaderFact(name="x-claude-code-agent-id", value="a1"),
        HeaderFact(name="X-Nexus-Project", value="apollo"),
        HeaderFact(name="x-api-key", fingerprint="f" * 32),
    )
    whole = {
        **PLACE,
        "journal_id": ID,
        "journal_us": 0,
        "mode": "pass_through",
        "method": "POST",
        "target": "/v1/messages?beta=true",
        "headers": headers,
        "client_domain": "localhost",
        "scope": "device:d",
        "byte_count": 10,
        "body": BodyReference(kind="part", key="0" * 32, digest="0" * 64),
        **changes,
    }
    return RequestReceived.model_validate(whole)


def answer(**changes: object) -> bytes:
    content = [{"type": "text", "text": "hi"}]
    whole = {"type": "message", "id": "msg_1", "role": "assistant", "model": "said", "content": content, "usage": USAGE,
             "stop_reason": "end_turn", **changes}  # fmt: skip
    return json.dumps(whole).encode()


STARTED = ResponseStarted(
    **{**PLACE, "originator_version": 2},
    origin="upstream",
    status=200,
    headers=(),
    upstream_request_id="req_1",
    elapsed_us=30,
)
DONE = ResponseCompleted(
    **{**PLACE, "timestamp": AT + timedelta(seconds=2)}, byte_count=99, sha256="0" * 64, elapsed_us=2_000_000
)


def whole_exchange(**changes: object) -> Exchange:
    parts: dict[str, object] = {
        "request_id": ID,
        "position": Position(9),
        "request": request(),
        "view": view_of_json(b'{"model": "asked", "stream": true, "messages": []}'),
        "response": STARTED,
        "end": DONE,
        "gaps": (),
        "message": assemble(answer(), "application/json"),
        **changes,
    }
    return Exchange(**parts)  # type: ignore[arg-type]  # named above


def test_a_whole_exchange() -> None:
    row = row_of(whole_exchange())
    assert (row.request_id, row.position, row.received_at) == (ID, 9, AT)
    assert row.completed_at == AT + timedelta(seconds=2)
    assert (row.model, row.streamed, row.parsable) == ("asked", True, True)
    assert (row.session_id, row.agent_id, row.project, row.user_agent) == (
        "session",
        "a1",
        "apollo",
        "claude-cli/2.1.330",
    )
    assert (row.status, row.origin, row.outcome, row.detail, row.stop_reason) == (
        200,
        "upstream",
        "completed",
        "",
        "end_turn",
    )
    assert (row.input_tokens, row.output_tokens, row.thinking_tokens) == (3, 5, 2)
    assert (row.cache_read_tokens, row.cache_write_5m_tokens, row.cache_write_1h_tokens) == (7, 11, 13)
    assert (row.time_to_first_byte_us, row.duration_us, row.answer_bytes) == (30, 2_000_000, 99)
    assert (row.upstream_request_id, row.request_bytes, row.scope) == ("req_1", 10, "device:d")
    assert (row.error_type, row.error_message, row.gaps, row.missing_bytes) == (None, None, 0, 0)


def test_an_open_exchange() -> None:
    row = row_of(whole_exchange(response=None, end=None, message=None))
    assert (row.outcome, row.status, row.completed_at, row.duration_us, row.input_tokens) == (
        "open",
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("ended_by", ["client", "upstream", "timeout", "shutdown", "gateway_crash"])
def test_an_aborted_exchange_says_who_ended_it(ended_by: str) -> None:
    end = ResponseAborted.model_validate(
        {**PLACE, "ended_by": ended_by, "detail": "why", "byte_count": 5, "delivered": 3, "elapsed_us": 8}
    )
    row = row_of(whole_exchange(end=end))
    assert (row.outcome, row.detail, row.answer_bytes, row.duration_us) == (ended_by, "why", 5, 8)


def test_an_error_answer() -> None:
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"Over\\u0000loaded"}}'
    row = row_of(whole_exchange(message=assemble(error, "application/json")))
    assert (row.error_type, row.error_message) == ("overloaded_error", "Over\N{REPLACEMENT CHARACTER}loaded")
    assert row.input_tokens is None


def test_a_body_that_is_no_json_is_said_to_be_unparsable() -> None:
    row = row_of(whole_exchange(view=None))
    assert (row.parsable, row.model, row.streamed) == (False, "said", None)
    assert row_of(whole_exchange(view=None, request=request(body=None))).parsable


def test_the_session_may_come_from_the_metadata() -> None:
    view = view_of_json(b'{"messages": [], "metadata": {"user_id": "user_d_account__session_m"}}')
    row = row_of(whole_exchange(request=request(headers=()), view=view))
    assert (row.session_id, row.agent_id, row.project) == ("m", None, None)
    assert row_of(whole_exchange(request=request(headers=()), view=None)).session_id is None


def test_gaps_are_counted() -> None:
    gaps = tuple(RecordingGap(**PLACE, part="response", reason="disk full", offset=0, byte_count=n) for n in (4, 6))
    row = row_of(whole_exchange(gaps=gaps))
    assert (row.gaps, row.missing_bytes) == (2, 10)


def test_an_exchange_whose_request_is_lost_still_has_a_row() -> None:
    row = row_of(whole_exchange(request=None, view=None))
    assert row.received_at == time_in(ID) == datetime(2025, 11, 20, 6, 42, 25, 920000, tzinfo=UTC)
    assert (row.method, row.scope, row.deferred, row.parsable) == (None, None, False, True)


@pytest.mark.parametrize("name", ["c_tools", "g1_errors"])
async def test_rows_of_a_capture_say_what_the_capture_says(pool: Pool, name: str) -> None:
    store, listed = Store.over(pool), captures.exchanges(name)
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    await store.follow()
    rows = {row["request_id"]: row for row in await store.rows("SELECT * FROM read.requests")}
    for one in listed:
        row, body = rows[ids[one.n]], json.loads(one.body)
        assert (row["model"], row["path"], row["request_bytes"]) == (body["model"], one.path, len(one.body))
        assert row["status"] == (one.status or None)
        if one.content_type == "application/json" and one.status == 200 and one.answer:
            assert row["output_tokens"] == json.loads(one.answer)["usage"]["output_tokens"]
