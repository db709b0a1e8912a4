"""What does an error of the Anthropic API look like? We read theirs and write our own in the same envelope.

Source: the errors page of Anthropic's API reference.
"""

from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

_TYPES = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
_FIRST_SERVER_ERROR = 500


class ErrorDetail(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(frozen=True)

    type: str
    message: str


class ErrorEnvelope(BaseModel):
    """The body of every error answer."""

    model_config = ConfigDict(frozen=True)

    type: Literal["error"] = "error"
    error: ErrorDetail
    request_id: str | None = None


def error_type(status: int) -> str:
    """The error type that belongs to an HTTP status."""
    fallback = "api_error" if status >= _FIRST_SERVER_ERROR else "invalid_request_error"
    return _TYPES.get(status, fallback)


def error_body(status: int, message: str, request_id: str | None = None) -> bytes:
    """An error answer of our own, as JSON."""
    detail = ErrorDetail(type=error_type(status), message=message)
    return ErrorEnvelope(error=detail, request_id=request_id).model_dump_json(exclude_none=True).encode()
