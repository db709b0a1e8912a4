"""An exchange's lines say what it used and who used it; one that used nothing says that it was there."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.assembly import assemble
from domain.ids import Position
from domain.request_view import view_of_json
from domain.working_directory import folder_name
from projections.exchanges import Exchange
from projections.projectors.usage import directory_of, lines_of
from projections.read_models.usage_rollup import MEASURES, UsageLine
from schemas.stored.events import (
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

AT = datetime(2026, 11, 22, tzinfo=UTC)
ID = UUID("019aa000-0000-7000-8000-000000000001")
PLACE: dict[str, Any] = {"originator_id": ID, "originator_version": 1, "timestamp": AT}
STARTED = ResponseStarted(**PLACE, origin="upstream", status=200, headers=(), elapsed_us=1)
DONE = ResponseCompleted(**PLACE, byte_count=1, sha256="0" * 64, elapsed_us=2)
GONE = ResponseAborted(**PLACE, ended_by="client", byte_count=1, delivered=1, elapsed_us=2)
ENVIRONMENT = "# Environment\n - Primary working directory: /home/ada/shop\n"
KEY = b"k" * 32
USAGE = {
    "input_tokens": 3,
    "output_tokens": 5,
    "cache_read_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 11, "ephemeral_1h_input_tokens": 13},
    "output_tokens_details": {"thinking_tokens": 2},
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "batch",
    "iterations": [{"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 9, "output_tokens": 1}],
}


def request(*headers: tuple[str, str], **changes: Any) -> RequestReceived:
    whole = {
        **PLACE,
        "journal_id": ID,
        "journal_us": 0,
        "mode": "managed",
        "method": "POST",
        "target": "/v1/messages?beta=true",
        "headers": tuple(HeaderFact(name=name, value=value) for name, value in headers),
        "client_domain": "localhost",
        "scope": "device:d",
        "byte_count": 10,
        "body": None,
        **changes,
    }
    return RequestReceived.model_validate(whole)


def body(**changes: Any) -> bytes:
    whole = {"model": "asked", "system": ENVIRONMENT, "metadata": {"user_id": "user_d1_account__session_s"}, **changes}
    return json.dumps(whole).encode()


def exchange(asked: RequestReceived, answer: bytes = b"", **changes: Any) -> Exchange:
    whole = Exchange(
        request_id=ID,
        position=Position(1),
        request=asked,
        view=view_of_json(body()),
        response=STARTED,
        end=DONE,
        gaps=(),
        message=assemble(answer, "application/json") if answer else None,
    )
    return replace(whole, **changes)


def answer(**changes: Any) -> bytes:
    whole = {"type": "message", "model": "said", "content": [], "usage": USAGE, "stop_reason": "end_turn", **changes}
    return json.dumps(whole).encode()


def lines(asked: RequestReceived, one: Exchange) -> list[UsageLine]:
    return lines_of(asked, one, directory_of(one), KEY)


def counts(line: UsageLine) -> dict[str, int]:
    return {name: getattr(line, name) for name in MEASURES if getattr(line, name)}


def test_every_line_has_its_own_tariff_and_only_the_first_counts_the_request() -> None:
    asked = request(("X-Claude-Code-Agent-Type", "Explore"), account="acme", key_id="key-1")
    first, second = lines(asked, exchange(asked, answer()))
    assert (first.line, first.model, first.service_tier, first.kind) == (0, "said", "batch", "message")
    assert counts(first) == {
        "requests": 1, "input_tokens": 3, "output_tokens": 5, "thinking_tokens": 2, "cache_read_tokens": 7,
        "cache_write_5m_tokens": 11, "cache_write_1h_tokens": 13, "web_searches": 1,
    }  # fmt: skip
    assert (second.line, second.model, second.kind) == (1, "claude-opus-4-8", "advisor_message")
    assert counts(second) == {"input_tokens": 9, "output_tokens": 1}
    for line in (first, second):
        assert (line.scope, line.account, line.key_id, line.device) == ("device:d", "acme", "key-1", "d1")
        assert (line.said_agent_type, line.received_at, line.request_id) == ("Explore", AT, ID)


def test_without_an_account_the_scope_pays() -> None:
    asked = request()
    [line] = lines(asked, exchange(asked))
    assert (line.account, line.key_id) == ("device:d", "")


@pytest.mark.parametrize(
    ("user_id", "device"), [("user_d1_account__session_s", "d1"), ("customer 7", "customer 7"), (None, "")]
)
def test_a_device_or_an_end_user(user_id: str | None, device: str) -> None:
    asked = request()
    view = view_of_json(body(metadata={"user_id": user_id}))
    assert lines(asked, exchange(asked, view=view))[0].device == device


@pytest.mark.parametrize(
    ("response", "end", "said", "expected"),
    [
        (STARTED, DONE, answer(usage={}), set()),
        (STARTED.model_copy(update={"status": 529}), DONE, b"", {"failed"}),
        (STARTED.model_copy(update={"origin": "gateway", "status": 502}), DONE, b"", {"failed"}),
        (STARTED, DONE, b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', {"failed"}),
        (STARTED, GONE, b"", {"aborted"}),
        (None, GONE, b"", {"aborted"}),
        (STARTED.model_copy(update={"status": 500}), GONE, b"", {"failed", "aborted"}),
        (None, None, b"", set()),
    ],
)
def test_how_it_ended_is_counted_though_nothing_was_billed(
    response: ResponseStarted | None, end: Any, said: bytes, expected: set[str]
) -> None:
    asked = request()
    [line] = lines(asked, exchange(asked, said, response=response, end=end))
    assert counts(line) == dict.fromkeys({"requests", *expected}, 1)


START = {"type": "message_start", "message": {"type": "message", "model": "said", "usage": USAGE}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
LOST = RecordingGap(
    originator_id=ID, originator_version=3, timestamp=AT, part="response", reason="disk_full", offset=0, byte_count=9
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "changes", "unrecorded"),
    [
        ([], {}, True),
        ([START], {}, True),
        ([END], {}, True),
        ([START, END], {}, False),
        ([START, END], {"end": None}, False),
        ([], {"end": None}, False),
        ([], {"end": GONE}, True),
        ([], {"response": None}, True),
        ([], {"response": STARTED.model_copy(update={"status": 529})}, False),
        ([START, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}], {}, False),
        ([], {"gaps": (LOST.model_copy(update={"part": "request"}),)}, False),
        ([], {"view": None}, True),
        ([], {"view": view_of_json(b'{"name": "a file"}')}, False),
        ([], {"gaps": ()}, False),
    ],
)
def test_what_a_gap_hides_is_not_nothing(said: list[Any], changes: dict[str, Any], unrecorded: bool) -> None:
    asked = request()
    stream = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in said).encode()
    message = assemble(stream, "text/event-stream") if said else None
    first, *_ = lines(asked, exchange(asked, message=message, **{"gaps": (LOST,), **changes}))
    assert first.unrecorded == unrecorded


@pytest.mark.parametrize("changes", [{"target": "/v1/messages/count_tokens"}, {"method": "GET"}])
def test_what_costs_nothing_costs_nothing_either_when_it_was_not_kept(changes: dict[str, Any]) -> None:
    asked = request(**changes)
    [line] = lines(asked, exchange(asked, gaps=(LOST,), view=None))
    assert line.unrecorded == 0


def test_what_was_not_billed_is_of_the_model_that_was_asked() -> None:
    asked = request()
    [line] = lines(asked, exchange(asked))
    assert (line.model, line.kind, line.estimated) == ("asked", "unbilled", False)
    free, beside = lines(asked, exchange(asked, answer(usage={**USAGE, "output_tokens": 0}, stop_reason="refusal")))
    assert (free.model, free.kind, counts(free)) == ("said", "unbilled", {"requests": 1})
    assert (beside.kind, counts(beside)) == ("advisor_message", {"input_tokens": 9, "output_tokens": 1})


def test_a_count_of_tokens_costs_nothing() -> None:
    asked = request(target="/v1/messages/count_tokens")
    [line] = lines(asked, exchange(asked, answer()))
    assert counts(line) == {"requests": 1}


def test_a_cut_answer_is_an_estimate() -> None:
    asked, events = request(), (
        {"type": "message_start", "message": {"type": "message", "model": "said", "usage": {"output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 41}},
    )  # fmt: skip
    stream = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
    one = exchange(asked, message=assemble(stream, "text/event-stream"), end=GONE)
    [line] = lines(asked, one)
    assert (line.estimated, counts(line)) == (
        True, {"requests": 1, "aborted": 1, "output_tokens": 1, "estimated_output_tokens": 10}
    )  # fmt: skip


def test_a_named_project_is_believed_and_a_folder_only_has_a_digest() -> None:
    asked = request()
    assert directory_of(exchange(asked)) == "/home/ada/shop"
    [line] = lines(asked, exchange(asked))
    assert line.said_project == folder_name(KEY, "/home/ada/shop")
    named = request(("x-nexus-project", "shop"))
    assert directory_of(exchange(named)) == ""
    assert lines(named, exchange(named))[0].said_project == "shop"


def test_without_a_body_nothing_is_said() -> None:
    asked = request()
    [line] = lines(asked, exchange(asked, view=None, response=None, end=None))
    assert (line.model, line.device, line.said_project) == ("", "", "")


def test_nobody_asked() -> None:
    assert directory_of(exchange(request(), request=None)) == "/home/ada/shop"
