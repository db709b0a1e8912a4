"""Who looks, and what is he shown? Roles, what each may do, and the accounts that a person sees; pure.

Everything that decides about a viewer asks here: routes, the read API, pages, and the store that they read from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from domain.errors import NexusError

Role = Literal["usage", "reader", "admin"]
Ability = Literal["numbers", "text", "raw", "people"]
"""``numbers``: counts, money, times and names of things. ``text``: what was said. ``raw``: the same as it was sent,
with all that an export takes out. ``people``: who else may look."""
ROLES: tuple[Role, ...] = get_args(Role)
ABILITIES: Mapping[Role, frozenset[Ability]] = MappingProxyType(
    {
        "usage": frozenset({"numbers"}),
        "reader": frozenset({"numbers", "text"}),
        "admin": frozenset({"numbers", "text", "raw", "people"}),
    }
)
_REFUSALS: Mapping[Ability, str] = MappingProxyType(
    {
        "numbers": "This role is shown nothing.",
        "text": "Your role is shown numbers, not what was said; an admin can change it with `nexus people change`.",
        "raw": "Only an admin is shown what was recorded without redaction.",
        "people": "Only an admin of all accounts is shown who else may look.",
    }
)
_SCOPES_OF_ACCOUNT = ("key-account:", "account:")
"""As ``domain/identity.py`` names the scope of an account."""


class NotAllowedError(NexusError):
    """This viewer is not shown that; the message says who is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A person in front of the dashboard."""

    name: str
    role: Role
    accounts: frozenset[str] | None
    """None: all, also those to come, and what belongs to no account. Else accounts, and scopes by their names."""
    person_id: str | None = None
    """Under which id things of his own are kept; None: he keeps nothing."""

    def may(self, ability: Ability) -> bool:
        if ability == "people" and self.accounts is not None:
            return False
        return ability in ABILITIES[self.role]

    def check(self, ability: Ability) -> None:
        """Raises NotAllowedError."""
        if not self.may(ability):
            raise NotAllowedError(_REFUSALS[ability])

    @property
    def sees_all(self) -> bool:
        """Nothing in the store has to be kept from him."""
        return self.accounts is None and self.may("text")

    def sees(self, account: str | None, scope: str) -> bool:
        """An exchange of this account, or of this scope where it has none."""
        return self.accounts is None or (account or scope) in self.accounts


OWNER = Viewer(name="owner", role="admin", accounts=None, person_id="")
"""Whoever has the dashboard's own key, or the shell."""


def scopes_of(accounts: Iterable[str]) -> frozenset[str]:
    """Under which scopes the exchanges of these accounts are kept; a scope that is named itself is one of them."""
    named = list(accounts)
    return frozenset(named) | {prefix + account for prefix in _SCOPES_OF_ACCOUNT for account in named}
