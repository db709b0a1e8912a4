"""What is the matter with each credential, and how is it mended? Pure; `nexus credentials check` and doctor say it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from credentials.credential import ApiKeyCredential, OAuthCredential
from credentials.credential_store import Kept
from credentials.freshness import seconds_left

State = Literal[
    "valid", "expiring_soon", "expired", "not_sealed", "login_needed", "no_refresh_token", "refresh_fails", "unusable",
    "unsaved_refresh", "another_account", "refused_upstream", "stranger",
]  # fmt: skip
SOON_S = 300.0
_WELL = frozenset({"valid", "expiring_soon", "expired"})
"""An expired access token is renewed with the next request."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One file as it was found."""

    domain: str
    kept: Kept | None
    trouble: str = ""
    """Why it could not be read."""
    is_pending: bool = False
    refresh: str = ""
    """Why a refresh that was tried failed."""
    upstream: str = ""
    """Why upstream does not take it, if it was asked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know of one credential."""

    domain: str
    state: State
    message: str
    """With the way to mend it, if it is not well."""

    @property
    def is_well(self) -> bool:
        return self.state in _WELL


def findings(
    looked: Sequence[Looked],
    now_ms: int,
    *,
    tenants: Collection[tuple[str, str]] = (),
    strangers: Collection[str] = (),
) -> list[Finding]:
    """``tenants``: client domain and account of each key in use. ``strangers``: names that no credential can have."""
    found = [finding for one in looked for finding in _of_one(one, now_ms, tenants)]
    stranger = "is no credential file, which would be called <client domain>.credentials.json; remove it"
    return [*found, *(Finding(name, "stranger", stranger) for name in strangers)]


def _of_one(one: Looked, now_ms: int, tenants: Collection[tuple[str, str]]) -> list[Finding]:
    domain = one.domain
    if one.kept is None:
        return [Finding(domain, "unusable", one.trouble or "was removed just now")]
    credential = one.kept.credential
    found = [_main(domain, credential, now_ms)]
    if not one.kept.is_sealed:
        mend = "the gateway seals it when it reads it; or run `nexus credentials add {domain} --from FILE`"
        found.append(Finding(domain, "not_sealed", f"lies in its file as plain text; {mend}"))
    if one.is_pending:
        message = "has a refresh that is going on, or that a crash interrupted; the next refresh puts it right"
        found.append(Finding(domain, "unsaved_refresh", message))
    callers = sorted({account for name, account in tenants if name == domain and credential.account is not None})
    for account in callers:
        if account != credential.account:
            mend = f"give it to them with `nexus credentials add {domain} --account {account}`, or change the key"
            found.append(Finding(domain, "another_account", f"is never used for account {account}; {mend}"))
    if one.refresh:
        found.append(Finding(domain, "refresh_fails", one.refresh))
    if one.upstream:
        found.append(Finding(domain, "refused_upstream", one.upstream))
    return found


def _main(domain: str, credential: ApiKeyCredential | OAuthCredential, now_ms: int) -> Finding:
    if isinstance(credential, ApiKeyCredential):
        return Finding(domain, "valid", "API key")
    login = f"log in again with `nexus credentials login {domain}`"
    if credential.login_needed is not None:
        return Finding(domain, "login_needed", f"{credential.login_needed.reason}; {login}")
    left_s = seconds_left(credential, now_ms)
    if credential.refresh_token is None and left_s is not None:
        ends = "has ended" if left_s <= 0 else f"ends in {spoken(left_s)}"
        return Finding(domain, "no_refresh_token", f"{ends} and cannot be refreshed; {login}")
    if left_s is None:
        return Finding(domain, "valid", "OAuth, used until it is refused")
    if left_s <= 0:
        return Finding(domain, "expired", "OAuth, access token expired; the next request refreshes it")
    if left_s <= SOON_S:
        return Finding(domain, "expiring_soon", f"OAuth, refreshed within {spoken(left_s)}")
    return Finding(domain, "valid", f"OAuth, good for {spoken(left_s)}")


def spoken(seconds: float) -> str:
    """A length of time, in words."""
    for size, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {word}"
    return f"{int(seconds)} s"
