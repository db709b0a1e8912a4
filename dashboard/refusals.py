"""How is it said that a request is not answered? One error for every reason, with its status and the mend."""

from collections.abc import Mapping
from types import MappingProxyType

from dashboard.errors import InvalidQueryError
from domain.errors import NexusError, PayloadMissingError, StoreUnavailableError, TooSlowError
from domain.viewers import NotAllowedError

KINDS: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        405: "method_not_allowed_error",
        410: "erased_error",
        413: "request_too_large",
        417: "invalid_request_error",
        421: "misdirected_request_error",
        429: "rate_limit_error",
        500: "api_error",
        503: "unavailable_error",
        504: "timeout_error",
    }
)
"""The ``type`` in the JSON of an error, by status."""
_AGAIN = MappingProxyType({"Retry-After": "1"})


class RefusedError(NexusError):
    """This request is not answered as it was meant; the message says why and how to mend it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    @property
    def kind(self) -> str:
        return KINDS.get(self.status, "api_error" if self.status >= 500 else "invalid_request_error")


def refusal_of(error: NexusError) -> RefusedError:
    """What to say when something that Nexus can name went wrong."""
    match error:
        case RefusedError():
            return error
        case InvalidQueryError():
            return RefusedError(400, str(error))
        case NotAllowedError():
            return RefusedError(403, str(error))
        case PayloadMissingError():
            return RefusedError(410, "These bytes are erased; what is known about the exchange is still there.")
        case TooSlowError():
            message = "This took the database too long, so it was ended; ask for a shorter range, or for less of it."
            return RefusedError(504, message)
        case StoreUnavailableError():
            return RefusedError(503, f"The database does not answer now; try again. ({error})", _AGAIN)
        case _:
            return RefusedError(500, str(error))
