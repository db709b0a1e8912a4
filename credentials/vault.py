"""Which credential signs a tenant's next request? The files of the home as a gateway worker sees them: a Signer.

The folder is looked at four times a second, by ``stat`` and in a thread; only what changed is read. A file that was
removed is gone at the next look. A file that became unreadable is used from memory for one second more, because it may
be half way through being replaced; then it is refused, and nothing else is used in its place.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from credentials.choosing import chosen
from credentials.credential import ApiKeyCredential, Credential, OAuthCredential, signature_of
from credentials.credential_files import CredentialFileError, Sighting
from credentials.credential_store import CredentialStore
from credentials.freshness import is_new
from credentials.refreshing import AsksForTokens, Clocks, Refresher, login_needed
from credentials.signature import CredentialUnusableError, Signature

POLL_S = 0.25
GRACE_S = 1.0
_UNSETTLED_NS = 100_000_000
"""A clock's tick may hold two changes: what is younger than this is read once more."""
_LOG = structlog.get_logger("nexus.credentials")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it was last seen."""

    sighting: Sighting | None
    is_settled: bool
    credential: Credential | None
    """The last good one."""
    trouble: str = ""
    troubled_since: float = 0.0

    def usable(self, now: float) -> Credential | None:
        """None: refused."""
        return None if self.trouble and now - self.troubled_since > GRACE_S else self.credential


class Vault:
    """The credentials of one gateway worker."""

    def __init__(self, store: CredentialStore, refresher: Refresher, clocks: Clocks) -> None:
        self._store, self._refresher, self._clocks = store, refresher, clocks
        self._entries: Mapping[str, Entry] = {}
        self._looking = asyncio.Lock()

    async def signature(self, client_domain: str, account: str) -> Signature:
        """For a tenant's next request. Raises CredentialUnusableError."""
        domain = self._chosen(client_domain, account)
        credential = self._credential(domain)
        if isinstance(credential, OAuthCredential):
            credential = await self._good(domain, credential)
        return signature_of(domain, credential)

    async def renewed(self, refused: Signature) -> Signature | None:
        """Upstream refused this one. Raises CredentialUnusableError."""
        domain = refused.credential
        credential = self._credential(domain)
        if isinstance(credential, ApiKeyCredential):
            await self.look()  # it may have been replaced a moment ago
            credential = self._credential(domain)
        found = signature_of(domain, credential)
        if found.lines != refused.lines:
            return found
        if isinstance(credential, ApiKeyCredential) or is_new(credential, self._clocks.wall_ms()):
            return None
        return signature_of(domain, await self._renewed(domain, credential))

    async def look(self) -> None:
        """Take in what changed in the folder."""
        async with self._looking:
            before = self._entries
            after = await asyncio.to_thread(self._scanned, before)
            for domain in before.keys() | after.keys():
                _tell(domain, before.get(domain), after.get(domain))
            self._entries = after

    async def watch(self) -> None:
        """Keep looking, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.look()

    def _chosen(self, client_domain: str, account: str) -> str:
        """The name of the file that may sign for this tenant."""
        accounts = {name: one.credential.account if one.credential else None for name, one in self._entries.items()}
        return chosen(client_domain, account, accounts)

    def _credential(self, domain: str) -> Credential:
        entry = self._entries.get(domain)
        if entry is None:
            raise CredentialUnusableError("missing", f"The upstream credential of {domain} was removed.")
        credential = entry.usable(self._clocks.monotonic())
        if credential is None:
            raise CredentialUnusableError(
                "unavailable",
                f"The upstream credential of {domain} cannot be used; `nexus credentials check {domain}` says why.",
            )
        return self._refresher.unsaved(domain) or credential

    async def _good(self, domain: str, credential: OAuthCredential) -> OAuthCredential:
        """One that has not expired."""
        if credential.login_needed is not None:
            raise login_needed(domain)
        match self._refresher.freshness_of(domain, credential):
            case "expired":
                return await self._renewed(domain, credential)
            case "due" if credential.refresh_token is not None:
                self._refresher.begin(domain, credential)
        return credential

    async def _renewed(self, domain: str, credential: OAuthCredential) -> OAuthCredential:
        if credential.login_needed is not None:
            raise login_needed(domain)
        after = await self._refresher.renewed(domain, credential)
        entry = self._entries.get(domain)
        if entry is not None and entry.credential is credential:  # do not wait for the next look
            self._entries = {**self._entries, domain: replace(entry, credential=after)}
        return after

    def _scanned(self, before: Mapping[str, Entry]) -> Mapping[str, Entry]:
        """In a thread: the entries of now."""
        try:
            seen = self._store.look()
        except CredentialFileError as error:
            return {domain: self._troubled(entry, None, str(error)) for domain, entry in before.items()}
        entries = {
            domain: self._read(domain, sighting, before.get(domain), is_pending=domain in seen.pending)
            for domain, sighting in seen.files.items()
        }
        return {domain: entry for domain, entry in entries.items() if entry is not None}

    def _read(self, domain: str, sighting: Sighting, before: Entry | None, *, is_pending: bool) -> Entry | None:
        """None: it has just been removed."""
        try:
            is_known = before is not None and before.sighting == sighting and before.is_settled
            if is_known and not (is_pending and self._cared_for(domain)):
                return before
            kept = self._store.load(domain)
            if kept is not None and not kept.is_sealed:
                self._cared_for(domain)
        except CredentialFileError as error:
            return self._troubled(before, sighting, str(error))
        settled = abs(time.time_ns() - sighting.changed_ns) > _UNSETTLED_NS
        return None if kept is None else Entry(sighting, is_settled=settled, credential=kept.credential)

    def _cared_for(self, domain: str) -> bool:
        """Seal it, and adopt or drop what a crash left beside it; not now if somebody works on it."""
        lock = self._store.try_lock(domain)
        if lock is None:
            return False
        try:
            self._store.recovered(domain)
        except CredentialFileError as error:
            _LOG.warning("credential_not_sealed", credential=domain, why=str(error))
            return False
        finally:
            lock.release()
        return True

    def _troubled(self, before: Entry | None, sighting: Sighting | None, why: str) -> Entry:
        """It is read again at every look: what is wrong may be the disk."""
        since = before.troubled_since if before is not None and before.trouble else self._clocks.monotonic()
        last_good = before.credential if before is not None else None
        return Entry(sighting, is_settled=False, credential=last_good, trouble=why, troubled_since=since)


@asynccontextmanager
async def opened_vault(
    store: CredentialStore, server: AsksForTokens, clocks: Clocks | None = None
) -> AsyncIterator[Vault]:
    """A vault that keeps looking and refreshing for the time of the ``with``."""
    clocks = clocks or Clocks()
    async with asyncio.TaskGroup() as tasks:
        refresher = Refresher(store, server, tasks, clocks)
        vault = Vault(store, refresher, clocks)
        await vault.look()
        watching = tasks.create_task(vault.watch())
        try:
            yield vault
        finally:
            watching.cancel()
            await refresher.close()


def _tell(domain: str, before: Entry | None, after: Entry | None) -> None:
    """Say what became of a file, once."""
    was, now = before.trouble if before else "", after.trouble if after else ""
    if now and now != was:
        _LOG.warning("credential_unusable", credential=domain, why=now)
    elif before is not None and after is None:
        _LOG.info("credential_removed", credential=domain)
    elif after is not None and (before is None or (was and not now) or before.credential != after.credential):
        _LOG.info("credential_read", credential=domain)
