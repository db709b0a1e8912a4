"""Where does a socket of this home lie? In its ``run`` folder, or in a short private one where the path is too long."""

import hashlib
import os
import tempfile
from pathlib import Path

from ops.db.embedded_directory import SOCKET_PATH_LIMIT, private_folder
from ops.home import Home


def socket_path(home: Home, name: str) -> Path:
    """Always the same for the same home. The home must be prepared. Raises SetupError."""
    direct = home.run / name
    if len(os.fsencode(direct)) <= SOCKET_PATH_LIMIT:
        return direct
    digest = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]
    return private_folder(Path(tempfile.gettempdir(), f"nexus-run-{digest}"), home.root) / name
