"""What is an upstream credential, and how is it written down? Values and their JSON, pure.

The fields are those of the system that Nexus follows: ``type``, ``accountId``, ``api_key``, ``oauth`` and others that
are kept as they are. What Nexus adds stands under ``nexus``. No error quotes anything of a file: it may be the secret.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from credentials.signature import Signature
from domain.errors import NexusError

OAUTH_BETA = b"oauth-2025-04-20"
_SECRET = re.compile(r"[\x21-\x7e]{1,8192}")
"""What can stand in a header line without being cut or bent."""
_OWN = "nexus"


class CredentialContentError(NexusError):
    """This is no credential."""


@dataclass(frozen=True, slots=True)
class ApiKeyCredential:
    """Signs with a key that never changes by itself."""

    api_key: str = field(repr=False)
    account: str | None = None
    """Whose it is; None: that of whoever calls by the file's client domain."""
    rest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The other fields, kept as they are."""


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The login has ended; only a person can begin another."""

    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class OAuthCredential:
    """Signs with a token that is renewed again and again. Times are epoch milliseconds."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at_ms: int = 0
    """0: not known; it is then renewed only when it is refused."""
    scopes: tuple[str, ...] = field(default=(), repr=False)
    account: str | None = None
    refreshed_at_ms: int = 0
    """When Nexus got this access token by a refresh; 0: it did not."""
    previous_refresh_token: str | None = field(default=None, repr=False)
    """The one before, until the new one has proved itself by the next refresh."""
    login_needed: LoginNeeded | None = None
    rest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    oauth_rest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The other fields of ``oauth``, ``isMax`` among them."""


Credential = ApiKeyCredential | OAuthCredential


def decoded(data: bytes) -> Credential:
    """Raises CredentialContentError."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise CredentialContentError("it is no JSON") from None
    if not isinstance(content, dict):
        raise CredentialContentError("it is no JSON object")
    account = _account(content.pop("accountId", None))
    match content.pop("type", None):
        case "api_key":
            return ApiKeyCredential(_secret(content.pop("api_key", None), "api_key"), account, content)
        case "oauth":
            return _oauth(content, account)
    raise CredentialContentError('`type` is neither "api_key" nor "oauth"')


def encoded(credential: Credential) -> bytes:
    """The credential as JSON, unknown fields included."""
    account = {"accountId": credential.account} if credential.account is not None else {}
    if isinstance(credential, ApiKeyCredential):
        content = {"type": "api_key", **account, "api_key": credential.api_key, **credential.rest}
    else:
        oauth = {
            "accessToken": credential.access_token,
            "refreshToken": credential.refresh_token,
            "expiresAt": credential.expires_at_ms,
            "scopes": list(credential.scopes),
            **credential.oauth_rest,
        }
        content = {"type": "oauth", **account, "oauth": oauth, **credential.rest}
        own = _own_written(credential)
        if own:
            content[_OWN] = {**content.get(_OWN, {}), **own}
    return json.dumps(content, ensure_ascii=True).encode()


def taking_over(credential: Credential, before: Credential | None, account: str | None) -> Credential:
    """A new credential in the place of another: it keeps what is not about signing, and the account if none is told."""
    kept = {} if before is None else {name: value for name, value in before.rest.items() if name != _OWN}
    known = before.account if before is not None else None
    return replace(credential, account=account or credential.account or known, rest={**kept, **credential.rest})


def secret_of(credential: Credential) -> str:
    """What goes upstream."""
    return credential.api_key if isinstance(credential, ApiKeyCredential) else credential.access_token


def signature_of(domain: str, credential: Credential) -> Signature:
    """How requests are signed with it. ``domain``: the client domain of its file."""
    secret = secret_of(credential).encode("ascii")
    if isinstance(credential, ApiKeyCredential):
        return Signature(domain, ((b"x-api-key", secret),), secrets=(secret,))
    return Signature(domain, ((b"authorization", b"Bearer " + secret),), (OAUTH_BETA,), (secret,))


def _oauth(content: dict[str, Any], account: str | None) -> OAuthCredential:
    oauth = content.pop("oauth", None)
    if not isinstance(oauth, dict):
        raise CredentialContentError("`oauth` is missing or no object")
    own = content.pop(_OWN, None)
    own = own if isinstance(own, dict) else {}
    previous = own.pop("previousRefreshToken", None)
    refresh = oauth.pop("refreshToken", None)
    return OAuthCredential(
        access_token=_secret(oauth.pop("accessToken", None), "oauth.accessToken"),
        refresh_token=None if refresh in (None, "") else _secret(refresh, "oauth.refreshToken"),
        expires_at_ms=_moment(oauth.pop("expiresAt", None), "oauth.expiresAt"),
        scopes=_scopes(oauth.pop("scopes", None)),
        account=account,
        refreshed_at_ms=_moment(own.pop("refreshedAt", None), "nexus.refreshedAt"),
        previous_refresh_token=None if previous is None else _secret(previous, "nexus.previousRefreshToken"),
        login_needed=_login_needed(own.pop("loginNeeded", None)),
        rest={**content, _OWN: own} if own else content,
        oauth_rest=oauth,
    )


def _own_written(credential: OAuthCredential) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if credential.refreshed_at_ms:
        own["refreshedAt"] = credential.refreshed_at_ms
    if credential.previous_refresh_token is not None:
        own["previousRefreshToken"] = credential.previous_refresh_token
    if credential.login_needed is not None:
        own["loginNeeded"] = {"reason": credential.login_needed.reason, "at": credential.login_needed.at_ms}
    return own


def _secret(value: object, name: str) -> str:
    if value is None or value == "":
        raise CredentialContentError(f"`{name}` is missing")
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise CredentialContentError(f"`{name}` is no single word of ASCII characters")
    return value


def _account(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 256 or not value.isprintable():
        raise CredentialContentError("`accountId` is no short text")
    return value


def _moment(value: object, name: str) -> int:
    """JavaScript may have written a float; null and nothing mean not known."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e16:
        raise CredentialContentError(f"`{name}` is no time in milliseconds")
    return int(value)


def _scopes(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(scope, str) for scope in value):
        raise CredentialContentError("`oauth.scopes` is no list of words")
    return tuple(value)


def _login_needed(value: object) -> LoginNeeded | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("reason"), str):
        raise CredentialContentError("`nexus.loginNeeded` is not as Nexus writes it")
    return LoginNeeded(value["reason"], _moment(value.get("at"), "nexus.loginNeeded.at"))
