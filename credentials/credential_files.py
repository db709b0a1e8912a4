"""Which credential files are there, and how are they read and written? Through one descriptor of their folder.

Nothing outside the folder is ever opened: names are made of checked client domains and opened relative to the folder's
descriptor, without following links and without waiting for what is no file. A file of ours is regular, this user's,
closed to everybody else, and small. Writing is whole or not at all.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from domain.client_domains import is_client_domain
from domain.errors import NexusError

SUFFIX = ".credentials.json"
MAX_BYTES = 64 * 1024
_MAX_NAME = 220
"""Characters of a client domain, so that every file name that is made of it is short enough."""
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS = 0o077


class CredentialFileError(NexusError):
    """A credential file cannot be used."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the file system says of a file without opening it: equal as long as nothing was changed there."""

    inode: int
    size: int
    written_ns: int
    changed_ns: int
    mode: int
    owner: int


def is_credential_name(text: str) -> bool:
    """Whether a credential may have this name: a client domain, not too long."""
    return is_client_domain(text, _MAX_NAME)


def checked(domain: str) -> str:
    """The same. Raises CredentialFileError."""
    if not is_credential_name(domain):
        raise CredentialFileError("This is no client domain: lower-case letters, digits, - and _, parted by dots.")
    return domain


class CredentialFolder:
    """The folder while it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def domains(self) -> list[str]:
        """The client domains that have a file."""
        return sorted(name.removesuffix(SUFFIX) for name in self._names() if _is_ours(name))

    def strangers(self) -> list[str]:
        """Visible names that are none of ours; nothing is done with them."""
        return sorted(name for name in self._names() if not name.startswith(".") and not _is_ours(name))

    def sight(self, domain: str) -> Sighting | None:
        """None: there is no such file."""
        try:
            seen = os.stat(_name(domain), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure(domain, error, "looked at") from None
        return Sighting(seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_mode, seen.st_uid)

    def read(self, domain: str) -> bytes | None:
        """The whole file; None: there is none. Raises CredentialFileError."""
        return self._read(domain, _name(domain))

    def write(self, domain: str, data: bytes) -> None:
        """Readers see the old content or the new one, and so does whoever looks after a power cut."""
        name = _name(domain)
        temporary = f".{name}-{secrets.token_hex(4)}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, dir_fd=self._descriptor)
            try:
                _write_all(handle, data)
                os.fsync(handle)
                os.replace(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=self._descriptor)
                raise
            finally:
                os.close(handle)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failure(domain, error, "written") from None

    def remove(self, domain: str) -> bool:
        """And what waits to replace it. False: there was none."""
        there = self._unlink(domain, _name(domain))
        self._unlink(domain, _pending(domain))
        os.fsync(self._descriptor)
        return there

    def read_pending(self, domain: str) -> bytes | None:
        """The answer to a refresh that was not put in place, without the room that was reserved behind it."""
        data = self._read(domain, _pending(domain))
        return None if data is None else data.rstrip(b"\0")

    def drop_pending(self, domain: str) -> None:
        """It is of no use."""
        self._unlink(domain, _pending(domain))

    def adopt_pending(self, domain: str, size: int) -> None:
        """Its first ``size`` bytes become the file; the room behind them is given back. Needs no room itself."""
        pending = _pending(domain)
        try:
            handle = os.open(pending, os.O_RDWR | _OPEN, dir_fd=self._descriptor)
            try:
                os.ftruncate(handle, size)
                os.fsync(handle)
            finally:
                os.close(handle)
            os.replace(pending, _name(domain), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failure(domain, error, "replaced") from None

    def reserve(self, domain: str) -> "Reservation":
        """Room on the disk for what replaces the file. Raises CredentialFileError: there is none."""
        name = _pending(domain)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | _OPEN
        try:
            handle = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        except OSError as error:
            raise self._failure(domain, error, "prepared for") from None
        try:
            self._refuse_strangers(domain, os.fstat(handle))
            os.posix_fallocate(handle, 0, MAX_BYTES)
            os.fsync(handle)
            os.fsync(self._descriptor)
        except OSError as error:
            os.close(handle)
            self.drop_pending(domain)
            raise self._failure(domain, error, "prepared for") from None
        except BaseException:
            os.close(handle)
            raise
        return Reservation(handle)

    def try_lock(self, domain: str) -> "Lock | None":
        """None: another process holds it.

        The lock file stays: removing it would let two processes hold two files of one name.
        """
        flags = os.O_RDWR | os.O_CREAT | _OPEN
        try:
            handle = os.open(f".{_name(domain)}.lock", flags, 0o600, dir_fd=self._descriptor)
        except OSError as error:
            raise self._failure(domain, error, "locked") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return Lock(handle)

    def has_pending(self, domain: str) -> bool:
        """Whether something waits to replace the file."""
        try:
            os.stat(_pending(domain), dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return False
        return True

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._descriptor)  # noqa: PTH208  a Path knows no descriptors
        except OSError as error:
            raise CredentialFileError(f"{self._path} cannot be listed ({error.strerror}); mend the disk.") from None

    def _read(self, domain: str, name: str) -> bytes | None:
        try:
            handle = os.open(name, os.O_RDONLY | _OPEN, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure(domain, error, "read") from None
        try:
            self._refuse_strangers(domain, os.fstat(handle))
            data = _read_at_most(handle, MAX_BYTES + 1)
        except OSError as error:
            raise self._failure(domain, error, "read") from None
        finally:
            os.close(handle)
        if len(data) > MAX_BYTES:
            raise self._too_large(domain)
        return data

    def _unlink(self, domain: str, name: str) -> bool:
        try:
            os.unlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._failure(domain, error, "removed") from None
        return True

    def _refuse_strangers(self, domain: str, seen: os.stat_result) -> None:
        path = self._path / _name(domain)
        if not stat.S_ISREG(seen.st_mode):
            raise CredentialFileError(f"{path} is no file; remove it.")
        if seen.st_uid != os.geteuid():
            raise CredentialFileError(f"{path} is another user's; `chown` it to the user that runs Nexus.")
        if seen.st_mode & _OTHERS:
            raise CredentialFileError(f"{path} may be read or written by others; `chmod 600` it, and think it leaked.")
        if seen.st_size > MAX_BYTES:
            raise self._too_large(domain)

    def _too_large(self, domain: str) -> CredentialFileError:
        return CredentialFileError(f"{self._path / _name(domain)} is larger than 64 KiB; no credential is, remove it.")

    def _failure(self, domain: str, error: OSError, what: str) -> CredentialFileError:
        path = self._path / _name(domain)
        if error.errno == errno.ELOOP:
            return CredentialFileError(f"{path} is a link; put the file itself there.")
        return CredentialFileError(f"{path} cannot be {what} ({error.strerror}); mend the disk or the rights.")


class Reservation:
    """A file whose room is sure, to take what must not be lost."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def fill(self, data: bytes) -> None:
        """On the disk when it returns. At most as much as was reserved."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        _write_all(self._handle, data)
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


class Lock:
    """Held until it is released, or its process dies."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        os.close(self._handle)


@contextmanager
def opened(path: Path) -> Iterator[CredentialFolder | None]:
    """The folder, opened once for a while; None: there is none. Raises CredentialFileError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise CredentialFileError(f"{path} cannot be opened as a folder ({error.strerror}); mend it.") from None
    try:
        seen = os.fstat(descriptor)
        if seen.st_uid != os.geteuid() or seen.st_mode & _OTHERS:
            raise CredentialFileError(f"{path} is open to others; give it to the user of Nexus and `chmod 700` it.")
        yield CredentialFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _is_ours(name: str) -> bool:
    return name.endswith(SUFFIX) and is_credential_name(name.removesuffix(SUFFIX))


def _name(domain: str) -> str:
    return f"{checked(domain)}{SUFFIX}"


def _pending(domain: str) -> str:
    return f".{_name(domain)}.pending"


def _read_at_most(handle: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := os.read(handle, size - len(data))):
        data += more
    return data


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
