"""Errors of our own look like Anthropic's and tell how to mend them."""

import json

import pytest

from gateway.error_replies import Refusal, error_answer, refused, upstream_failed


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (408, "timeout_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (431, "invalid_request_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_the_envelope_is_anthropics(status: int, kind: str) -> None:
    own = error_answer(status, 'Say "please".', "the-id")
    assert own.head.status == status
    assert (b"content-type", b"application/json") in own.head.headers
    assert json.loads(own.body) == {
        "type": "error",
        "error": {"type": kind, "message": 'Say "please".'},
        "request_id": "the-id",
    }
    assert list(json.loads(own.body)) == ["type", "error", "request_id"]


def test_a_refusal_may_bring_lines_and_a_word_of_its_own() -> None:
    own = refused(Refusal(503, "Later.", ((b"retry-after", b"5"),), "api_error"), "the-id")
    assert own.head.status == 503
    assert own.head.headers[-1] == (b"retry-after", b"5")
    assert json.loads(own.body)["error"] == {"type": "api_error", "message": "Later."}
    assert json.loads(refused(Refusal(503, "Later."), "i").body)["error"]["type"] == "overloaded_error"


def test_an_upstream_that_fails_is_a_bad_gateway_and_one_that_keeps_silent_a_timeout() -> None:
    failed, silent = upstream_failed("upstream", "TLS failed", "i"), upstream_failed("timeout", "no bytes", "i")
    assert (failed.head.status, silent.head.status) == (502, 504)
    assert "TLS failed" in json.loads(failed.body)["error"]["message"]
    assert "no bytes" in json.loads(silent.body)["error"]["message"]
