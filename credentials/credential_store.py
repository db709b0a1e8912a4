"""Which credentials are kept, and how does a new one take the place of an old one? The files, sealed.

A refresh token is spent when it is used, so its successor must never be lost. Room for it is reserved before the
authorization server is asked; the answer is sealed and synced beside the file at once, and then renamed over it. What a
crash left beside the file is adopted if it is whole and follows what the file holds, and dropped if not.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from credentials.credential import (
    Credential,
    CredentialContentError,
    OAuthCredential,
    decoded,
    encoded,
)
from credentials.credential_files import (
    SUFFIX,
    CredentialFileError,
    CredentialFolder,
    Lock,
    Reservation,
    Sighting,
    opened,
)
from credentials.sealing import SealError, SealKey, is_sealed, sealed, unsealed

MAX_PLAIN_BYTES = 24 * 1024
"""Of a credential, so that it fits its file when it is sealed and its tokens have grown."""
_LOOK_S = 0.02


class CredentialBusyError(CredentialFileError):
    """Another process works on this credential and does not end."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A credential as it lies in its file."""

    credential: Credential
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The folder as it looks from outside."""

    files: Mapping[str, Sighting]
    pending: frozenset[str]
    """Where a refresh is going on, or was when its process died."""


class CredentialStore:
    """The credentials of one home. Everything here does IO and may wait for the disk."""

    def __init__(self, folder: Path, key: SealKey) -> None:
        self.folder, self.key = folder, key

    def look(self) -> "Seen":
        """What is there, without opening any file. Raises CredentialFileError."""
        with opened(self.folder) as folder:
            if folder is None:
                return Seen({}, frozenset())
            files = {domain: folder.sight(domain) for domain in folder.domains()}
            there = {domain: sighting for domain, sighting in files.items() if sighting is not None}
            return Seen(there, frozenset(filter(folder.has_pending, there)))

    def domains(self) -> list[str]:
        with opened(self.folder) as folder:
            return [] if folder is None else folder.domains()

    def strangers(self) -> list[str]:
        """Names in the folder that no credential can have."""
        with opened(self.folder) as folder:
            return [] if folder is None else folder.strangers()

    def load(self, domain: str) -> Kept | None:
        """None: there is none. Raises CredentialFileError."""
        with opened(self.folder) as folder:
            return None if folder is None else self._loaded(folder, domain)

    def save(self, domain: str, credential: Credential) -> None:
        """Under the lock. Raises CredentialFileError."""
        data = self._sealed(domain, credential)
        with self._opened() as folder:
            folder.write(domain, data)

    def remove(self, domain: str) -> bool:
        """Under the lock. False: there was none."""
        with opened(self.folder) as folder:
            return False if folder is None else folder.remove(domain)

    def drop_successor(self, domain: str) -> None:
        """Under the lock: what a crash left belongs to a credential that was replaced."""
        with self._opened() as folder:
            folder.drop_pending(domain)

    def recovered(self, domain: str) -> Kept | None:
        """Under the lock: what is kept, after a crash was cleaned up, sealed if it was not."""
        with opened(self.folder) as folder:
            if folder is None:
                return None
            kept = self._loaded(folder, domain)
            data = folder.read_pending(domain)
            if data and self._follows(domain, data, kept):
                folder.adopt_pending(domain, len(data))
                kept = self._loaded(folder, domain)
            elif data is not None:
                folder.drop_pending(domain)
            if kept is not None and not kept.is_sealed:
                folder.write(domain, self._sealed(domain, kept.credential))
                kept = Kept(kept.credential, is_sealed=True)
            return kept

    def reserve(self, domain: str) -> Reservation:
        """Under the lock: room for the successor. Raises CredentialFileError: there is none."""
        with self._opened() as folder:
            return folder.reserve(domain)

    def put(self, reservation: Reservation, domain: str, credential: Credential) -> None:
        """Under the lock: the successor, safe on the disk and in the place of the file. Closes the reservation."""
        try:
            data = self._sealed(domain, credential)
            reservation.fill(data)
        except OSError as error:
            raise CredentialFileError(f"The refreshed credential cannot be written ({error.strerror}).") from None
        finally:
            reservation.close()
        with self._opened() as folder:
            folder.adopt_pending(domain, len(data))

    def give_up(self, reservation: Reservation, domain: str) -> None:
        """Under the lock: there is no successor."""
        reservation.close()
        with self._opened() as folder:
            folder.drop_pending(domain)

    def try_lock(self, domain: str) -> Lock | None:
        """None: another process holds it."""
        with self._opened() as folder:
            return folder.try_lock(domain)

    @contextmanager
    def locked(self, domain: str, patience_s: float = 20.0) -> Iterator[None]:
        """For commands, which may wait. Raises CredentialBusyError."""
        deadline = time.monotonic() + patience_s
        while (lock := self.try_lock(domain)) is None:
            if time.monotonic() > deadline:
                raise CredentialBusyError(f"{domain} is being refreshed by another process; try again.")
            time.sleep(_LOOK_S)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _opened(self) -> Iterator[CredentialFolder]:
        with opened(self.folder) as folder:
            if folder is None:
                raise CredentialFileError(f"{self.folder} is gone; make it again with `mkdir -m 700`.")
            yield folder

    def _loaded(self, folder: CredentialFolder, domain: str) -> Kept | None:
        data = folder.read(domain)
        return None if data is None else self._decoded(domain, data)

    def _decoded(self, domain: str, data: bytes) -> Kept:
        try:
            seal = is_sealed(data)
            return Kept(decoded(unsealed(data, domain, self.key) if seal else data), seal)
        except (SealError, CredentialContentError) as error:
            raise CredentialFileError(f"{self.folder / (domain + SUFFIX)} cannot be used: {error}.") from None

    def _follows(self, domain: str, data: bytes, kept: Kept | None) -> bool:
        """Is the successor whole, and that of what is kept?"""
        if not is_sealed(data) or kept is None:
            return False
        try:
            after = self._decoded(domain, data).credential
        except CredentialFileError:
            return False
        before = kept.credential
        if not isinstance(before, OAuthCredential) or not isinstance(after, OAuthCredential):
            return False
        spent = {before.refresh_token, before.previous_refresh_token} - {None}
        return after.previous_refresh_token in spent and after.refresh_token != before.refresh_token

    def _sealed(self, domain: str, credential: Credential) -> bytes:
        plain = encoded(credential)
        if len(plain) > MAX_PLAIN_BYTES:
            raise CredentialFileError(
                f"The credential of {domain} holds more than 24 KiB; take out what is no part of it."
            )
        return sealed(plain, domain, self.key)
