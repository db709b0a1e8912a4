"""What does a request carry upstream in a tenant's name? The values between the gateway and the credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from domain.errors import NexusError

Why = Literal["missing", "login_needed", "unavailable"]
"""There is none for this tenant; its login has ended and a person must log in again; it cannot be had right now."""


class CredentialUnusableError(NexusError):
    """There is no credential to sign a request with."""

    def __init__(self, why: Why, message: str) -> None:
        """``message``: one line that says how to mend it, without a secret."""
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Signature:
    """How requests of a tenant are signed now."""

    credential: str
    """The credential's name: the client domain of its file."""
    lines: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    """Header lines to add."""
    betas: tuple[bytes, ...] = ()
    """Words that ``anthropic-beta`` must hold."""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """What upstream must never be heard saying to a client."""


class Signer(Protocol):
    """Signs requests of tenants."""

    async def signature(self, client_domain: str, account: str) -> Signature:
        """For a tenant's next request. Raises CredentialUnusableError."""
        ...

    async def renewed(self, refused: Signature) -> Signature | None:
        """Upstream answered 401 to a request with this signature: a new one, or None if there cannot be one."""
        ...


REMEDIES: Mapping[Why, str] = MappingProxyType(
    {
        "missing": "add one with `nexus credentials add` or `nexus credentials login`",
        "login_needed": "log in again with `nexus credentials login`",
        "unavailable": "try again; `nexus credentials check` says what is wrong",
    }
)
"""What an operator can do."""
