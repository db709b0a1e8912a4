"""What is said between Nexus and an authorization server? RFC 6749 with PKCE (RFC 7636); values and texts, pure.

Answers are judged by what they hold, not by how they are labelled: a refresh token that was rotated is lost if its
answer is thrown away over a wrong Content-Type. No error quotes anything of an answer, a code or a token.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from credentials.credential import OAuthCredential
from domain.errors import NexusError, SetupError

MIN_LIFETIME_S = 60
"""An expiry that is past already, or nearly so, must not make every request refresh."""
_MAX_LIFETIME_S = 10 * 366 * 86_400
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
_CODE = re.compile(r"[\x21\x22\x24-\x7e]{1,4096}")
_KNOWN_ERRORS = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "access_denied", "server_error", "temporarily_unavailable", "slow_down",
    }
)  # fmt: skip
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class LoginError(NexusError):
    """The login failed."""


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """Whom to ask, and as whom."""

    authorize_url: str
    token_url: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that has begun. The state is not the verifier: it stands in the URL, which others may see."""

    verifier: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the server gave."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    """None: the one that was used goes on."""
    lifetime_s: int | None
    """None: not told."""
    scopes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will not, whatever is tried again."""

    error: str
    """A word of RFC 6749, never the server's own text."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It may go well another time."""

    why: str
    retry_after_s: float | None = None


Answer = Tokens | Refused | Unavailable


def checked_settings(settings: OAuthSettings) -> OAuthSettings:
    """The same. Raises SetupError: secrets go over TLS or stay on this machine."""
    for variable, url in (
        ("NEXUS_OAUTH_AUTHORIZE_URL", settings.authorize_url),
        ("NEXUS_OAUTH_TOKEN_URL", settings.token_url),
    ):
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise SetupError(f"{variable} is no URL.") from None
        if not host or parts.username is not None or parts.fragment:
            raise SetupError(f"{variable} must look like https://auth.example/path, without a user or a fragment.")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
            raise SetupError(f"{variable} must begin with https://; http is for this machine only.")
    return settings


def new_attempt(random_bytes: Callable[[int], bytes]) -> Attempt:
    return Attempt(_base64url(random_bytes(32)), _base64url(random_bytes(32)))


def challenge(verifier: str) -> str:
    """S256."""
    return _base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def authorize_url(settings: OAuthSettings, attempt: Attempt) -> str:
    """Where the person logs in."""
    query = {
        "code": "true",  # show the code, to be pasted
        "client_id": settings.client_id,
        "response_type": "code",
        "redirect_uri": settings.redirect_uri,
        "scope": " ".join(settings.scopes),
        "code_challenge": challenge(attempt.verifier),
        "code_challenge_method": "S256",
        "state": attempt.state,
    }
    joint = "&" if urlsplit(settings.authorize_url).query else "?"
    return f"{settings.authorize_url}{joint}{urlencode(query)}"


def pasted_code(text: str, attempt: Attempt) -> str:
    """The code in ``code#state`` or in the whole URL that the browser was sent to. Raises LoginError."""
    text = text.strip()
    code, state = _of_url(text) if "://" in text else _of_words(text)
    if not hmac.compare_digest(state.encode(), attempt.state.encode()):
        raise LoginError("What was pasted belongs to another login. Begin again, and paste what the last page shows.")
    if not _CODE.fullmatch(code):
        raise LoginError("There is no code in what was pasted. Begin again, and paste all that the page shows.")
    return code


def code_request(settings: OAuthSettings, attempt: Attempt, code: str) -> bytes:
    """Body of the request that turns a code into tokens."""
    return _body(
        grant_type="authorization_code",
        code=code,
        state=attempt.state,
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        code_verifier=attempt.verifier,
    )


def refresh_request(settings: OAuthSettings, refresh_token: str) -> bytes:
    """Body of the request for a new access token."""
    return _body(grant_type="refresh_token", refresh_token=refresh_token, client_id=settings.client_id)


def token_answer(status: int, body: bytes, retry_after: str | None = None) -> Answer:
    """What the token endpoint said."""
    content = _object(body)
    if status == 200:
        return _tokens(content)
    error = content.get("error")
    if isinstance(error, str) and error in _KNOWN_ERRORS and status in {400, 401, 403}:
        if error in {"server_error", "temporarily_unavailable", "slow_down"}:
            return Unavailable(error, _seconds(retry_after))
        return Refused(error)
    return Unavailable(f"it answered with status {status}", _seconds(retry_after))


def logged_in(tokens: Tokens, now_ms: int, settings: OAuthSettings) -> OAuthCredential:
    """A credential after a login."""
    return OAuthCredential(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at_ms=_expiry(tokens, now_ms),
        scopes=settings.scopes if tokens.scopes is None else tokens.scopes,
    )


def refreshed(before: OAuthCredential, spent: str, tokens: Tokens, now_ms: int) -> OAuthCredential:
    """The credential after a refresh with the refresh token ``spent``, which is kept beside its successor."""
    after = tokens.refresh_token or spent
    return replace(
        before,
        access_token=tokens.access_token,
        refresh_token=after,
        expires_at_ms=_expiry(tokens, now_ms),
        scopes=before.scopes if tokens.scopes is None else tokens.scopes,
        refreshed_at_ms=now_ms,
        previous_refresh_token=before.previous_refresh_token if after == spent else spent,
        login_needed=None,
    )


def lifetime_s(tokens: Tokens) -> int | None:
    """How long the access token is used."""
    return None if tokens.lifetime_s is None else max(tokens.lifetime_s, MIN_LIFETIME_S)


def _expiry(tokens: Tokens, now_ms: int) -> int:
    lifetime = lifetime_s(tokens)
    return 0 if lifetime is None else now_ms + lifetime * 1000


def _tokens(content: dict[str, Any]) -> Answer:
    access, refresh, kind = (content.get(name) for name in ("access_token", "refresh_token", "token_type"))
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        return Unavailable("its answer holds no access token")
    if not (kind is None or (isinstance(kind, str) and kind.lower() == "bearer")):
        return Unavailable("its answer holds a token of another type than bearer")
    rotated = isinstance(refresh, str) and bool(_TOKEN.fullmatch(refresh))
    scope = content.get("scope")
    return Tokens(
        access_token=access,
        refresh_token=refresh if rotated else None,
        lifetime_s=_lifetime(content.get("expires_in")),
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
    )


def _lifetime(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 < value < 1e12:
        return None
    return min(max(int(value), 0), _MAX_LIFETIME_S)


def _seconds(retry_after: str | None) -> float | None:
    """The form with a date is as good as none."""
    return float(retry_after) if retry_after is not None and re.fullmatch(r"[0-9]{1,6}", retry_after) else None


def _of_words(text: str) -> tuple[str, str]:
    code, _, state = text.partition("#")
    return code, state


def _of_url(text: str) -> tuple[str, str]:
    try:
        parts = urlsplit(text)
        said = {**parse_qs(parts.fragment), **parse_qs(parts.query)}
    except ValueError:
        raise LoginError("What was pasted is no URL. Begin again, and paste all that the page shows.") from None
    if "error" in said:
        error = said["error"][0]
        why = error if error in _KNOWN_ERRORS else "an error"
        raise LoginError(f"The authorization server answered {why}. Begin again, and allow the access.")
    return said.get("code", [""])[0], said.get("state", [""])[0]


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _body(**fields: str) -> bytes:
    return json.dumps(fields).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
