"""Do our own errors look like Anthropic's, to Anthropic's own client?"""

import json

import anthropic
import httpx2
import pytest

from schemas.anthropic.errors import ErrorDetail, ErrorEnvelope, error_body, error_type

SDK_ERRORS = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    429: anthropic.RateLimitError,
    502: anthropic.InternalServerError,
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"),
        (403, "permission_error"), (404, "not_found_error"), (405, "invalid_request_error"), (413, "request_too_large"),
        (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (503, "api_error"), (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)  # fmt: skip
def test_every_status_has_its_type(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_the_body_is_the_envelope() -> None:
    body = json.loads(error_body(502, "Upstream cannot be reached.", "r1"))
    detail = {"type": "api_error", "message": "Upstream cannot be reached."}
    assert body == {"type": "error", "error": detail, "request_id": "r1"}


def test_no_request_id_is_no_member() -> None:
    assert json.loads(error_body(404, "No.")) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "No."},
    }


def test_the_envelope_reads_anthropics_errors() -> None:
    detail = ErrorDetail(type="overloaded_error", message="Overloaded")
    assert ErrorEnvelope.model_validate_json(error_body(529, "Overloaded")) == ErrorEnvelope(error=detail)


@pytest.mark.parametrize(("status", "raised"), SDK_ERRORS.items())
def test_the_sdk_understands_it(status: int, raised: type[anthropic.APIStatusError]) -> None:
    body = error_body(status, "Say why.", "r1")
    answer = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))
    client = anthropic.Anthropic(api_key="fake", max_retries=0, http_client=httpx2.Client(transport=answer))
    with pytest.raises(raised, match="Say why") as caught:
        client.messages.create(model="claude-opus-5-5", max_tokens=1, messages=[])
    assert caught.value.body == json.loads(body)
