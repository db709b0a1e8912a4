"""How are the clock and the disk of a program bent that knows nothing of it? A library preloaded into it.

It is compiled when it is needed. What it does it reads from a small file that we map too; monotonic clocks are left
alone. Without a C compiler, or on another system than Linux, there is none.
"""

import mmap
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError

SOURCE = Path(__file__).parent / "assets" / "shim.c"
VARIABLE = "TORTURE_SHIM_FILE"
_COMPILE_S = 60.0
_LAYOUT = struct.Struct("=qq")
_OFFSET, _SYNC = 0, 8


def compiler() -> str | None:
    """The C compiler of this machine, if the shim can work here."""
    return shutil.which("cc") if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Shim:
    """The library and what it is told."""

    library: Path
    file: Path
    told: mmap.mmap

    @classmethod
    def make(cls, folder: Path, cc: str) -> "Shim":
        """Compile it into ``folder``. Raises SetupError."""
        library, file = folder / "shim.so", folder / "shim.told"
        command = [cc, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
        ended = subprocess.run(command, capture_output=True, timeout=_COMPILE_S, check=False)  # noqa: S603 - our words
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise SetupError(f"{cc} does not compile {SOURCE.name} ({said}); leave out the faults clock and disk.")
        file.write_bytes(_LAYOUT.pack(0, 0))
        with file.open("r+b") as opened:
            return cls(library, file, mmap.mmap(opened.fileno(), _LAYOUT.size))

    @property
    def environment(self) -> Mapping[str, str]:
        """For the program that is to feel it."""
        return {"LD_PRELOAD": str(self.library), VARIABLE: str(self.file)}

    def step_clock(self, seconds: float) -> None:
        """From now on the wall clock is wrong by so much."""
        struct.pack_into("=q", self.told, _OFFSET, int(seconds * 1e9))

    def slow_disk(self, seconds: float) -> None:
        """From now on each flush takes so much longer."""
        struct.pack_into("=q", self.told, _SYNC, int(seconds * 1e9))
