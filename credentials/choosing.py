"""Whose credential may sign for a tenant? The one of its client domain, else the one of its account; pure.

Another account's credential is never used: whoever has none gets none.
"""

from collections.abc import Mapping

from credentials.signature import CredentialUnusableError


def chosen(client_domain: str, account: str, accounts: Mapping[str, str | None]) -> str:
    """The name of the credential. Raises CredentialUnusableError.

    ``accounts``: of every credential by its name; None: it has none, or it cannot be read.
    """
    if client_domain in accounts:
        if accounts[client_domain] not in {None, account}:
            raise _missing(f"The upstream credential of {client_domain} belongs to another account than the key.")
        return client_domain
    owned = [name for name, owner in accounts.items() if owner == account]
    if len(owned) == 1:
        return owned[0]
    if owned:
        raise _missing(f"There is none of {client_domain}, and more than one of its account; add one for it.")
    raise _missing(f"There is no upstream credential of {client_domain}; `nexus credentials add` makes one.")


def _missing(message: str) -> CredentialUnusableError:
    return CredentialUnusableError("missing", message)
