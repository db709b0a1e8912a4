"""What does a client hear when Nexus itself must refuse or fail? Anthropic's error envelope with the right status."""

import msgspec

from gateway.answers import OwnAnswer, own_answer
from gateway.records import Outcome

_TYPES = {
    400: "invalid_request_error",
    403: "permission_error",
    408: "timeout_error",
    413: "request_too_large",
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


def error_answer(status: int, message: str, request_id: str) -> OwnAnswer:
    """``status``: one that Nexus gives. ``message``: one line that says what is wrong and how to mend it."""
    body = msgspec.json.encode(_Envelope(_Error(_TYPES[status], message), request_id))
    return own_answer(status, b"application/json", body)


def upstream_failed(outcome: Outcome, detail: str, request_id: str) -> OwnAnswer:
    """Upstream gave no answer: 504 if it took too long, else 502."""
    if outcome == "timeout":
        return error_answer(504, f"Nexus got no answer from the upstream in time ({detail}). Try again.", request_id)
    message = f"Nexus could not get an answer from the upstream ({detail}). Check the network and NEXUS_UPSTREAM_URL."
    return error_answer(502, message, request_id)
