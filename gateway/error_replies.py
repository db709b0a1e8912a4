"""What does a client hear when Nexus itself must refuse or fail? Anthropic's error envelope with the right status."""

from dataclasses import dataclass

import msgspec

from gateway.answers import OwnAnswer, own_answer
from gateway.headers import HeaderLines
from gateway.records import Outcome

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    431: "invalid_request_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class _Error(msgspec.Struct):
    type: str
    message: str


class _Envelope(msgspec.Struct, tag_field="type", tag="error"):
    error: _Error
    request_id: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Nexus says instead of passing a request on."""

    status: int
    """One that Nexus gives."""
    message: str
    """One line that says what is wrong and how to mend it."""
    lines: HeaderLines = ()
    """Further header lines."""
    kind: str = ""
    """Anthropic's word for the error; empty: the one that goes with the status."""


def refused(refusal: Refusal, request_id: str) -> OwnAnswer:
    error = _Error(refusal.kind or _TYPES[refusal.status], refusal.message)
    body = msgspec.json.encode(_Envelope(error, request_id))
    return own_answer(refusal.status, b"application/json", body, more=refusal.lines)


def error_answer(status: int, message: str, request_id: str) -> OwnAnswer:
    return refused(Refusal(status, message), request_id)


def upstream_failed(outcome: Outcome, detail: str, request_id: str) -> OwnAnswer:
    """Upstream gave no answer: 504 if it took too long, else 502."""
    if outcome == "timeout":
        return error_answer(504, f"Nexus got no answer from the upstream in time ({detail}). Try again.", request_id)
    message = f"Nexus could not get an answer from the upstream ({detail}). Check the network and NEXUS_UPSTREAM_URL."
    return error_answer(502, message, request_id)
