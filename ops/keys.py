"""Which secrets does this installation own? Made once, kept in the home, never replaced.

Two processes may ask at the same time: both get the same key, and no reader ever sees half of one.
"""

import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from domain.errors import SetupError
from ops.home import Home

_KEY_BYTES = 32
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


def fingerprint_key(home: Home) -> bytes:
    """Makes the fingerprints that stand for secrets in recorded headers."""
    return bytes.fromhex(_kept(home.keys / "fingerprint.key", secrets.token_hex(_KEY_BYTES)))


def dashboard_key(home: Home) -> str:
    """The key of the dashboard and its API, unless ``DASHBOARD_API_KEY`` is set."""
    return _kept(dashboard_key_file(home), secrets.token_urlsafe(_KEY_BYTES))


def dashboard_key_file(home: Home) -> Path:
    return home.keys / "dashboard.key"


def credentials_key(home: Home, given: Path | None) -> bytes:
    """Seals the upstream credentials. ``given``: a file of the operator's instead of one in the home."""
    text = _kept(home.keys / "credentials.key", secrets.token_hex(_KEY_BYTES)) if given is None else _given(given)
    if not _HEX_KEY.fullmatch(text):
        where = home.keys / "credentials.key" if given is None else given
        raise SetupError(f"{where} holds no key of 64 hex digits, as `openssl rand -hex 32` makes one; mend the file.")
    return bytes.fromhex(text)


def _given(path: Path) -> str:
    """It may be a systemd credential, which others cannot read though its group bits say so."""
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise SetupError(f"NEXUS_CREDENTIALS_KEY_FILE {path} may be read by everybody; `chmod 600` it.")
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"NEXUS_CREDENTIALS_KEY_FILE {path} cannot be read; mend its name or its rights.") from None


def _kept(path: Path, fresh: str) -> str:
    """The key in ``path``; ``fresh`` becomes it if there is none."""
    try:
        if not path.exists():
            _publish(path, fresh)
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read or made ({error}). Mend the file's rights, or restore it.") from None
    if not key:
        raise SetupError(f"{path} is empty. Restore it, or remove it: then a new key is made.")
    return key


def _publish(path: Path, key: str) -> None:
    """Write beside, then link: the name appears with its whole content, and the first one wins."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
