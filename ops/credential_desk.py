"""What do the credential commands do? Values out, no printing: the store, the authorization server, the upstream."""

import asyncio
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from credentials.credential import (
    ApiKeyCredential,
    Credential,
    CredentialContentError,
    OAuthCredential,
    secret_of,
    signature_of,
    taking_over,
)
from credentials.credential_files import MAX_BYTES, SUFFIX, CredentialFileError, is_credential_name
from credentials.credential_store import CredentialStore
from credentials.key_watch import KeyWatch
from credentials.oauth import Attempt, LoginError, Refused, Unavailable, logged_in
from credentials.oauth_client import OAuthClient, accepted
from credentials.original_files import taken_over
from credentials.outgoing import Way
from credentials.refreshing import Refresher
from credentials.report import Finding, Looked, findings
from credentials.signature import CredentialUnusableError
from domain.errors import SetupError
from gateway.destination import destination
from ops import logs
from ops.clock import utc_now
from ops.home import Home, prepare
from ops.settings import Settings, load
from ops.tenants import keys_in_force, tenants
from ops.vaults import credential_store, oauth_client, way

_LAST_SECOND = 253_402_300_799
Tell = Callable[[str], None]
"""For the person who waits."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    file: str
    domain: str | None
    """None: it was not taken over."""
    notes: tuple[str, ...]


def opened_desk() -> "CredentialDesk":
    """Of this user's home. Raises SetupError."""
    settings = load(Path.cwd())
    logs.configure(debug=settings.debug)
    home = prepare(settings.home)
    return CredentialDesk(credential_store(settings, home), oauth_client(settings), way(settings), settings)


@dataclass(frozen=True, slots=True)
class CredentialDesk:
    """Everything that the commands work with."""

    store: CredentialStore
    server: OAuthClient
    way: Way
    settings: Settings

    def check_name(self, domain: str) -> None:
        """Raises SetupError: no credential can have this name."""
        if not is_credential_name(domain):
            raise SetupError("DOMAIN is no client domain: lower-case letters, digits, - and _, parted by dots.")

    def put(self, domain: str, credential: Credential, account: str | None) -> bool:
        """Keep it. Whether it took the place of another."""
        with self.store.locked(domain):
            before, was_there = self._before(domain)
            self.store.save(domain, taking_over(credential, before, account))
            self.store.drop_successor(domain)
        return was_there

    async def redeemed(self, attempt: Attempt, code: str) -> OAuthCredential:
        """Raises LoginError."""
        answer = await self.server.redeem(attempt, code)
        if isinstance(answer, Refused):
            raise LoginError(f"The authorization server refused the code ({answer.error}). Begin again.")
        if isinstance(answer, Unavailable):
            raise LoginError(f"The authorization server cannot be asked: {answer.why}. Begin again later.")
        return logged_in(answer, _now_ms(), self.server.settings)

    def looked(self, domain: str | None) -> list[Looked]:
        """All credentials, or one. Raises SetupError: there is no such one."""
        seen = self.store.look()
        if domain is not None:
            self.check_name(domain)
            if domain not in seen.files:
                raise SetupError(f"There is no credential of {domain}; `nexus credentials list` shows them.")
        names = sorted(seen.files) if domain is None else [domain]
        return [self._one(name, is_pending=name in seen.pending) for name in names]

    def rows(self, looked: list[Looked]) -> list[dict[str, Any]]:
        """A line for each, without a secret."""
        by_domain = {one.domain: one for one in findings(looked, _now_ms())[::-1]}
        return [self._row(one, by_domain[one.domain]) for one in looked]

    def findings(self, looked: list[Looked], *, is_whole: bool) -> list[Finding]:
        """``is_whole``: of all that is in the folder."""
        callers = tenants(keys_in_force(KeyWatch(Home(self.settings.home).keys), utc_now()))
        strangers = self.store.strangers() if is_whole else ()
        return findings(looked, _now_ms(), tenants=callers, strangers=strangers)

    async def tried(self, looked: list[Looked], tell: Tell) -> list[Looked]:
        """The same, after upstream was asked about each; what has expired is refreshed first."""
        destination(self.settings.upstream_url, self.settings.allow_upstream)
        return [await self._tried(one, tell) for one in looked]

    async def refreshed(self, domain: str | None, tell: Tell) -> dict[str, str]:
        """Why it failed for each, "" where it did not."""
        looked = self.looked(domain)
        if domain is not None and looked[0].kept and isinstance(looked[0].kept.credential, ApiKeyCredential):
            raise SetupError(f"The credential of {domain} is an API key, which needs no refresh.")
        done: dict[str, str] = {}
        for one in looked:
            if one.kept is None:
                done[one.domain] = one.trouble
            elif isinstance(one.kept.credential, OAuthCredential):
                done[one.domain], _ = await self._refresh(one.domain, one.kept.credential, tell)
        return done

    def imported(self, folder: Path, *, replace: bool) -> list[Imported]:
        """Take over what can be. Raises SetupError."""
        try:
            names = sorted(path.name for path in folder.iterdir() if path.name.endswith(SUFFIX))
        except OSError as error:
            raise SetupError(f"{folder} cannot be read ({error.strerror}); name a folder.") from None
        there = set(self.store.look().files)
        done = []
        for name in names:
            one = self._imported(folder / name, there, replace=replace)
            if one.domain is not None:
                there.add(one.domain)
            done.append(one)
        return done

    def _imported(self, file: Path, there: set[str], *, replace: bool) -> Imported:
        try:
            found = taken_over(file.name, read_foreign(file))
            if found.domain in there and not replace:
                return Imported(file.name, None, (f"there is one of {found.domain} already; --replace takes this one",))
            self.put(found.domain, found.credential, None)
        except (CredentialContentError, CredentialFileError, SetupError) as error:
            return Imported(file.name, None, (str(error),))
        return Imported(file.name, found.domain, found.notes)

    def _before(self, domain: str) -> tuple[Credential | None, bool]:
        """What is broken is replaced all the same."""
        try:
            kept = self.store.load(domain)
        except CredentialFileError:
            return None, True
        return (kept.credential, True) if kept else (None, False)

    def _one(self, domain: str, *, is_pending: bool) -> Looked:
        try:
            return Looked(domain, self.store.load(domain), is_pending=is_pending)
        except CredentialFileError as error:
            return Looked(domain, None, str(error))

    def _row(self, one: Looked, finding: Finding) -> dict[str, Any]:
        credential = one.kept.credential if one.kept else None
        expires = credential.expires_at_ms if isinstance(credential, OAuthCredential) else 0
        kinds = {ApiKeyCredential: "api_key", OAuthCredential: "oauth"}
        return {
            "domain": one.domain,
            "type": kinds[type(credential)] if credential else None,
            "account": credential.account if credential else None,
            "state": finding.state,
            "expires": _moment(expires) if expires else None,
            "fingerprint": self.store.key.fingerprint(secret_of(credential)) if credential else None,
        }

    async def _tried(self, one: Looked, tell: Tell) -> Looked:
        if one.kept is None:
            return one
        credential = one.kept.credential
        if isinstance(credential, OAuthCredential):
            if credential.login_needed is not None:
                return one
            if credential.expires_at_ms and credential.expires_at_ms <= _now_ms():
                why, credential = await self._refresh(one.domain, credential, tell)
                if why:
                    return replace(one, refresh=why)
                one = replace(one, kept=replace(one.kept, credential=credential, is_sealed=True), is_pending=False)
        tell(f"{one.domain}: asking upstream (15 s at most) …")
        refusal = await accepted(signature_of(one.domain, credential), self.settings.upstream_url, self.way)
        return replace(one, upstream=refusal)

    async def _refresh(self, domain: str, credential: OAuthCredential, tell: Tell) -> tuple[str, OAuthCredential]:
        tell(f"{domain}: refreshing (15 s at most) …")
        async with asyncio.TaskGroup() as tasks:
            refresher = Refresher(self.store, self.server, tasks)
            try:
                return "", await refresher.renewed(domain, credential)
            except CredentialUnusableError as error:
                return str(error), credential
            finally:
                await refresher.close()


def read_foreign(path: Path) -> bytes:
    """A file that somebody made elsewhere. Raises SetupError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SetupError(f"{path} is no file.")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise SetupError(f"{path} is larger than 64 KiB; no credential is.")
    return data


def _moment(at_ms: int) -> str:
    """Whatever a file says, the calendar ends with the year 9999."""
    return datetime.fromtimestamp(min(at_ms // 1000, _LAST_SECOND), UTC).isoformat(timespec="seconds")


def _now_ms() -> int:
    return int(utc_now().timestamp() * 1000)
