"""What was it measured on?"""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

IN_MEMORY = {"tmpfs", "ramfs"}
BUSY = 0.5
"""Load average of a machine that somebody else uses."""


def described(folder: Path) -> str:
    """One line: processors, memory, system, versions, and the disk under the folder."""
    cpu = re.search(r"model name\s*:\s*(.+)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    pieces = [
        f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}",
        f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"aiohttp {version('aiohttp')}, uvloop {version('uvloop')}",
        f"disk: {file_system(folder)}",
    ]
    return ", ".join(piece for piece in pieces if piece) + "."


def file_system(folder: Path) -> str:
    """The type of the file system that holds the folder; tmpfs would make every sync free."""
    found = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def remarks(folder: Path) -> list[str]:
    """What makes the numbers of this run worth less."""
    found = list[str]()
    load = os.getloadavg()[0]
    if load > BUSY:
        found.append(f"The machine was busy before the run began (load {load:.1f}): the numbers are noisy.")
    if file_system(folder) in IN_MEMORY:
        found.append(f"{folder} is in memory: waiting for the disk costs nothing there. Choose another with --disk.")
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
