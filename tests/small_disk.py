"""A small disk that can be filled and freed: a real one where tests may mount it, else the journal's with faults."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

import gateway.app
from gateway.journal_log import LogOptions
from tests.faulty_disk import FaultyDisk

SIZE = 8 * 1024 * 1024


class SmallDisk:
    """A tmpfs of 8 MB."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ballast = root / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._ballast.unlink()


class PretendedDisk(SmallDisk):
    """The same for whoever may not mount anything."""

    def __init__(self, root: Path, faulty: FaultyDisk) -> None:
        super().__init__(root)
        self.faulty = faulty

    def fill(self) -> None:
        self.faulty.room = 0

    def free(self) -> None:
        self.faulty.room = SIZE


@contextmanager
def mounted(root: Path) -> Iterator[SmallDisk | None]:
    """None: not possible here."""
    root.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None or umount is None:
        yield None
        return
    command = [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(root)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run([umount, "-l", root], check=True)


@contextmanager
def small_disk(root: Path, patch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """For a gateway in this process."""
    with mounted(root) as disk:
        if disk is None:
            faulty = FaultyDisk(room=SIZE, reserves=True)
            patch.setattr(gateway.app, "LogOptions", partial(LogOptions, system=faulty.system))
            disk = PretendedDisk(root, faulty)
        yield disk
