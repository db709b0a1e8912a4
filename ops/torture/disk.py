"""How is a disk filled up without harm to anybody? The journals get a small file system of their own in memory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError

_FILLER = ".filler"
_PIECE = bytes(64 * 1024)
_DEADLINE_S = 20.0


def can_mount() -> bool:
    """Only root on Linux."""
    return sys.platform == "linux" and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A small disk."""

    folder: Path

    def fill(self) -> None:
        """Take all the room there is."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(_PIECE)

    def free(self) -> None:
        (self.folder / _FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted on ``folder`` for the time of the ``with``. Raises SetupError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "torture", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*words: str) -> None:
    try:
        ended = subprocess.run(words, capture_output=True, timeout=_DEADLINE_S, check=False)  # noqa: S603 - our words
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{words[0]} does not work here ({error}); leave out the fault disk.") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip()
        raise SetupError(f"{words[0]} does not work here ({said}); leave out the fault disk.")
