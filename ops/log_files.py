"""Where do the parts' logs lie, and how do they stay small? One file for each part, and its predecessor."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

MAX_LOG_BYTES = 8 * 1024 * 1024
_TAIL_BYTES = 8192


def open_log(path: Path) -> BinaryIO:
    """Open for appending, readable by the owner only. Where that fails, the lines go nowhere: a log is no must."""
    bound(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return os.fdopen(descriptor, "ab", buffering=0)


def bound(path: Path, limit: int = MAX_LOG_BYTES) -> None:
    """Once the file is too large, move its lines to ``<name>.1``; whoever has it open appends to the emptied file.

    Lines written between the copy and the cut are lost: the price of not asking the writer to open it anew.
    """
    try:
        if path.stat().st_size <= limit:
            return
        shutil.copyfile(path, older(path))
        os.truncate(path, 0)
    except OSError:
        return  # a log that cannot be moved goes on growing; that is no reason to stop


def older(path: Path) -> Path:
    """The file with the lines before those in ``path``."""
    return path.with_name(f"{path.name}.1")


def size_of(path: Path) -> int:
    """Bytes in it; 0: there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def last_line(path: Path, since: int = 0) -> str:
    """The last line with something in it behind byte ``since``; "" if there is none."""
    size = size_of(path)
    start = max(0, size - _TAIL_BYTES, since if since <= size else 0)  # a smaller file was moved away meanwhile
    try:
        with path.open("rb") as file:
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
