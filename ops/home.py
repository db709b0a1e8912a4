"""Where does Nexus keep its files? The folders of ``NEXUS_HOME``, readable by their owner only."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError

_PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, slots=True)
class Home:
    """The paths under ``root``; nothing exists before ``prepare``."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The embedded database."""
        return self.root / "postgres"

    @property
    def journals(self) -> Path:
        """What the gateways recorded and the shipper has not shipped yet."""
        return self.root / "journals"

    @property
    def run(self) -> Path:
        """What lives only while Nexus runs: sockets and the state of the parts."""
        return self.root / "run"

    @property
    def limits(self) -> Path:
        """What the gateway workers of this host have counted, one table each."""
        return self.run / "limits"

    @property
    def metrics(self) -> Path:
        """What the parts say of themselves, one file each."""
        return self.run / "metrics"

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        """Secrets of this installation."""
        return self.root / "keys"

    @property
    def credentials(self) -> Path:
        """What signs requests upstream, sealed; the key that opens it lies in ``keys``."""
        return self.root / "credentials"

    @property
    def lock_file(self) -> Path:
        """Held by the one ``nexus`` that runs on this home."""
        return self.root / "nexus.lock"

    @property
    def state_file(self) -> Path:
        """What the running ``nexus up`` says about its parts."""
        return self.run / "state.json"


def prepare(root: Path) -> Home:
    """Make the folders. Raises SetupError, one line, if this home cannot work."""
    home = Home(root)
    try:
        for folder in (home.root, home.postgres, home.journals, home.run, home.logs, home.keys, home.credentials):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        _shut_out_others(home)
        _try_writing(home.run)
    except FileExistsError as error:
        raise SetupError(f"{error.filename} is no folder; remove it, or set NEXUS_HOME to another one.") from None
    except NotADirectoryError as error:
        raise SetupError(f"NEXUS_HOME {root} lies under a file ({error.filename}); set it to another folder.") from None
    except OSError as error:
        why = error.strerror or error
        raise SetupError(f"NEXUS_HOME {root} cannot be written ({why}). Set it to a folder of this user's.") from None
    return home


def _shut_out_others(home: Home) -> None:
    """The folders that hold payload or secrets are the owner's alone, whatever the umask was once."""
    for folder in (home.root, home.journals, home.keys, home.credentials):
        if folder.stat().st_mode & 0o077:
            folder.chmod(_PRIVATE_FOLDER)


def _try_writing(folder: Path) -> None:
    """A read-only mount shows only when something is written (root passes every permission test)."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".probe-")
    os.close(handle)
    Path(name).unlink()
