"""What of the original system's credential files can be taken over? One file in, a credential out; pure."""

from dataclasses import dataclass, replace

from credentials.credential import Credential, CredentialContentError, decoded
from credentials.credential_files import SUFFIX, is_credential_name

_CLIENT_KEY = "client_api_key"


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A credential under the name it gets here."""

    domain: str
    credential: Credential
    notes: tuple[str, ...]
    """What was left behind, and what to do about it."""


def taken_over(name: str, data: bytes) -> TakenOver:
    """``name``: of the file. Raises CredentialContentError."""
    host, colon, _ = name.removesuffix(SUFFIX).partition(":")
    domain = host.lower().rstrip(".")
    if not name.endswith(SUFFIX) or not is_credential_name(domain):
        raise CredentialContentError("its name holds no client domain")
    credential = decoded(data)
    notes = []
    if colon:
        notes.append(f"the port in its name was left out: it is {domain} here")
    if host != domain:
        notes.append(f"its name is lower case here: {domain}")
    if _CLIENT_KEY in credential.rest:
        kept = {field: value for field, value in credential.rest.items() if field != _CLIENT_KEY}
        credential = replace(credential, rest=kept)
        notes.append(f"its client_api_key was not taken over: make a key with `nexus keys create` for {domain}")
    if credential.account is None:
        notes.append("it has no accountId: it signs for every account that calls by its domain")
    return TakenOver(domain, credential, tuple(notes))
