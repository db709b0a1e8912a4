"""The command asks what was asked, or says what is missing to it, and never holds a key."""

import json
import shlex

import pytest

from dashboard.details import RequestDetails, details_of
from dashboard.recordings import Stream
from dashboard.views.again import Again, again, file_name
from schemas.stored.events import HeaderFact
from tests.read_rows import request_id
from tests.recorded_details import REQUEST, request_details

HOST = HeaderFact(name="Host", value="127.0.0.1:8082")
NAME = f"{request_id(1)}.request"


def made(details: RequestDetails) -> Again:
    found = again(details)
    assert found is not None
    return found


def without_body(**changes: object) -> RequestDetails:
    received = request_details().received
    assert received is not None
    return details_of(Stream([received.model_copy(update=changes)]), None, None, None)


def test_a_small_body_stands_in_the_command() -> None:
    found = made(request_details(headers=[HOST]))
    words = shlex.split(found.command)
    assert "http://127.0.0.1:8082/v1/messages?beta=true" in words
    assert json.loads(words[words.index("--data-raw") + 1]) == REQUEST
    assert words[-4:-2] == ["--header", "x-api-key: $ANTHROPIC_API_KEY"]
    assert (found.file, found.left_out, found.credential) == ("", (), True)


def test_a_large_body_is_taken_from_the_download() -> None:
    found = made(request_details(body=REQUEST | {"padding": "x" * 20_000}))
    assert found.file == NAME == file_name(request_details())
    assert shlex.split(found.command)[-2:] == ["--data-binary", f"@{NAME}"]


KEY = "sk-ant-api03-" + "A" * 40


@pytest.mark.parametrize(
    "details",
    [
        request_details(body=REQUEST | {"note": KEY}),
        request_details(body=b"\x1f\x8b\x08", headers=[HeaderFact(name="Content-Encoding", value="gzip")]),
        request_details(body=b"{}", headers=[HeaderFact(name="Content-Encoding", value="identity")]),
        request_details(body=b"{}", headers=[HeaderFact(name="Content-Encoding", value="strange")]),
    ],
)
def test_what_is_not_the_body_to_the_letter_never_stands_in_the_command(details: RequestDetails) -> None:
    found = made(details)
    assert found.file == NAME
    assert KEY not in found.command
    assert "--data-raw" not in found.command


def test_headers_of_which_nothing_was_kept_are_named() -> None:
    assert made(request_details(headers=[HeaderFact(name="X-Own", length=3, fingerprint="00")])).left_out == ("X-Own",)


def test_without_a_body_there_is_a_command_too() -> None:
    found = made(request_details(body=b""))
    assert (found.file, "--data" in found.command) == ("", False)


def test_a_key_in_the_address_is_hidden() -> None:
    details = request_details()
    assert details.received is not None
    received = details.received.model_copy(update={"target": f"/v1/messages?key={KEY}"})
    assert KEY not in made(details_of(Stream([received]), None, b"{}", None)).command


def test_what_was_not_kept_cannot_be_asked_again() -> None:
    assert again(without_body()) is None
    assert again(without_body(body=None)) is None
    ended = request_details().ended
    assert ended is not None
    assert again(details_of(Stream([ended]), None, b"", b"")) is None
