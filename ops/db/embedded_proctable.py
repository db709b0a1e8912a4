"""Which PostgreSQL processes are alive on this machine? From ``/proc``, or from ``ps`` where there is none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.db.embedded_programs import run

PROC = Path("/proc")

NAME = "postgres"
"""What the kernel calls all of them, whatever their titles say."""

_PS_TIMEOUT_S = 5.0
_PS = ("ps", "-ww", "-o", "pid=,ppid=,state=,ucomm=,command=")
_PS_LINE = re.compile(rf"\s*(\d+)\s+(\d+)\s+(\S+)\s+{NAME}\s+(.*)")


@dataclass(frozen=True, slots=True)
class PostgresProcess:
    """A living process of any PostgreSQL server."""

    pid: int
    parent: int
    command: str
    """The command line of a postmaster; backends replace theirs by a title that begins with ``postgres:``."""
    folder: Path | None
    """Where it works: its data folder; None where the system does not say."""

    @property
    def is_backend(self) -> bool:
        return self.command.startswith(f"{NAME}:")


def find_process(pid: int, proc: Path = PROC) -> PostgresProcess | None:
    """The living PostgreSQL process with this id; zombies and other programs are none."""
    if proc.is_dir():
        return _read(proc / str(pid))
    return next(_ask_ps("-p", str(pid)), None)


def all_processes(proc: Path = PROC) -> Iterator[PostgresProcess]:
    if not proc.is_dir():
        yield from _ask_ps("-ax")
        return
    for entry in proc.glob("[1-9]*"):
        process = _read(entry)
        if process is not None:
            yield process


def _read(entry: Path) -> PostgresProcess | None:
    try:
        name, _, rest = (entry / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
        state, parent = rest.split()[:2]
        if name != NAME or state in "ZX":
            return None
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (OSError, ValueError):
        return None  # it has just ended
    return PostgresProcess(int(entry.name), int(parent), command, _folder(entry))


def _folder(entry: Path) -> Path | None:
    try:
        return (entry / "cwd").readlink()
    except OSError:
        return None  # another user's


def _ask_ps(*which: str) -> Iterator[PostgresProcess]:
    for line in run([*_PS, *which], timeout_s=_PS_TIMEOUT_S).output.splitlines():
        found = _PS_LINE.fullmatch(line)
        if found is None or found[3][0] in "ZX":
            continue
        yield PostgresProcess(int(found[1]), int(found[2]), found[4].strip(), None)
