"""Answers on the wire: JSON in the coding the client takes, bytes that nobody renders, errors in one form."""

import gzip
import json
import os

import brotli
import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from dashboard import answers as module
from dashboard.answers import bytes_answer, compressed, json_answer, json_error, plain_json_answer
from dashboard.compression import WORTH_BYTES
from dashboard.recordings import RecordedBytes
from dashboard.refusals import RefusedError
from schemas.read_api import Listing, RequestItem
from tests.read_rows import request_item


def request(accept: str = "") -> Request:
    return make_mocked_request("GET", "/api/requests", headers={"Accept-Encoding": accept})


def body(answer: Response) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body


async def test_a_model_is_said_by_its_aliases_and_nulls_are_said_too() -> None:
    answer = await json_answer(request(), request_item(1, cost_usd=None))
    said = json.loads(body(answer))
    assert said["class"] == "main"
    assert "request_class" not in said
    assert said["cost_usd"] is None
    assert said["received_at"].endswith("Z")
    assert answer.content_type == "application/json"


async def test_money_is_a_decimal_string() -> None:
    answer = await json_answer(request(), request_item(1, cost_usd="0.10"))
    assert json.loads(body(answer))["cost_usd"] == "0.10"


@pytest.mark.parametrize(("accept", "coding"), [("gzip", "gzip"), ("gzip, br", "br"), ("", None), ("deflate", None)])
async def test_a_long_list_is_compressed_for_who_takes_it(accept: str, coding: str | None) -> None:
    listing = Listing[RequestItem](items=[request_item(n) for n in range(50)], next_cursor="x")
    answer = await json_answer(request(accept), listing)
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    data = body(answer)
    opened = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[coding](data)
    assert opened == listing.model_dump_json().encode()
    assert coding is None or len(data) < len(opened) / 4


async def test_a_short_answer_is_not_compressed() -> None:
    assert "Content-Encoding" not in (await plain_json_answer(request("gzip"), {"status": "ok"})).headers


@pytest.mark.parametrize("length", [WORTH_BYTES - 1, WORTH_BYTES])
async def test_from_where_on_it_is_worth_it(length: int) -> None:
    answer = await compressed(request("gzip"), b"x" * length, "application/json")
    assert ("Content-Encoding" in answer.headers) == (length >= WORTH_BYTES)


async def test_a_huge_answer_is_compressed_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_THREAD_BYTES", 2000)
    data = os.urandom(1500) + b"x" * 1500
    assert gzip.decompress(body(await compressed(request("gzip"), data, "application/json"))) == data


def recorded(**changes: object) -> RecordedBytes:
    members = {"data": b"x", "outcome": "client", "content_type": "", "content_encoding": "", "missing_bytes": 0}
    return RecordedBytes(**{**members, **changes})  # type: ignore[arg-type]  # by the table above


def test_recorded_bytes_are_to_be_saved_never_rendered() -> None:
    answer = bytes_answer(recorded(data=b"<script>", content_type="text/html", content_encoding="br"), "a.response")
    assert body(answer) == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.response"'
    assert "Content-Encoding" not in answer.headers  # or a client would open what it asked for as it was
    assert answer.headers["X-Nexus-Outcome"] == "client"
    assert answer.headers["X-Nexus-Content-Type"] == "text/html"
    assert answer.headers["X-Nexus-Content-Encoding"] == "br"
    assert answer.headers["X-Nexus-Missing-Bytes"] == "0"


@given(st.text(max_size=400))
def test_a_recorded_header_cannot_make_headers(text: str) -> None:
    said = bytes_answer(recorded(content_type=text, content_encoding=text), "x").headers
    for name in ("X-Nexus-Content-Type", "X-Nexus-Content-Encoding"):
        assert said[name].isascii()
        assert said[name].isprintable()
        assert len(said[name]) <= 200


def test_an_error_says_what_and_how_to_mend_it() -> None:
    answer = json_error(RefusedError(429, 'Wait "a" little.', {"Retry-After": "5"}))
    assert json.loads(body(answer)) == {"error": {"type": "rate_limit_error", "message": 'Wait "a" little.'}}
    assert (answer.status, answer.headers["Retry-After"], answer.content_type) == (429, "5", "application/json")
