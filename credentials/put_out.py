"""Who was put out of the dashboard on this host, whatever the store knows? One file per name, named by its digest.

What counts is when the file was written: who was added before is out, and the owner's sessions from before are over.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from credentials.private_files import UnfitFileError, write_private

FOLDER_NAME = "put-out"
_DIGITS = 16


def file_name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def put_out(folder: Path, name: str) -> None:
    """From now on. Raises UnfitFileError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnfitFileError(f"{folder} cannot be made ({error.strerror}); mend the rights of the home.") from None
    write_private(folder / file_name(name), b"\n")


def put_out_in(folder: Path) -> Mapping[str, int]:
    """File names, and when they were written, in ns by the file system's word. Raises UnfitFileError."""
    try:
        return {path.name: path.lstat().st_mtime_ns for path in folder.iterdir() if len(path.name) == _DIGITS}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnfitFileError(f"{folder} cannot be read ({error.strerror}); make it a folder of this user's.") from None
