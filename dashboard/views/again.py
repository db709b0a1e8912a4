"""How can a recorded request be sent once more? As a curl command, with what has to be said about it."""

from dataclasses import dataclass

from dashboard.details import OpenedBody, RequestDetails
from domain.curl import Asked, curl
from domain.secrets_in_text import hide
from projections.exchanges import header


@dataclass(frozen=True, slots=True)
class Again:
    """A command, ready to be copied."""

    command: str
    file: str
    """Name of the file that holds the body; empty: the command holds it itself."""
    left_out: tuple[str, ...]
    """Names of headers whose value was not kept."""
    credential: bool
    """It takes one from the environment."""


def again(details: RequestDetails) -> Again | None:
    """None: the request, or its body, was not kept."""
    received, body = details.received, details.sent.body
    if received is None or body.kept not in {"kept", "none"}:
        return None
    name = file_name(details)
    asked = Asked(
        method=received.method,
        target=hide(received.target),
        headers=received.headers,
        body=None if body.kept == "none" else body.data,
        exact=_is_exact(body, header(received.headers, "content-encoding")),
    )
    command = curl(asked, name)
    return Again(command.text, name if command.needs_file else "", command.left_out, command.signs)


def file_name(details: RequestDetails) -> str:
    """As the read API calls the body's download."""
    return f"{details.request_id}.request"


def _is_exact(body: OpenedBody, coding: str) -> bool:
    return body.state == "complete" and not coding and not body.hides_keys
