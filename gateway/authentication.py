"""Who may pass, in which mode and on whose account? Asked once per request, before anything is forwarded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway.headers import HeaderLines


@dataclass(frozen=True, slots=True)
class Admission:
    """How a request may go on."""

    mode: Literal["pass_through", "managed"]
    key_id: str | None
    """Public id of the client key."""
    account: str | None
    """The client key's account."""
    headers: HeaderLines
    """The lines that go upstream."""


Authenticate = Callable[[HeaderLines], Admission]


def pass_through(lines: HeaderLines) -> Admission:
    """The client's own credential, or none at all, goes on untouched; upstream judges it."""
    return Admission("pass_through", None, None, lines)
