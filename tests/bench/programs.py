"""How do the bench's two C programs come to be and run: the load generator, and what stands for the Anthropic API?"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.errors import SetupError

FOLDER = Path(__file__).parent
START_S = 20.0
_FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra")


def build(name: str, folder: Path) -> Path:
    """Compile one of them into the folder. Raises SetupError."""
    if not sys.platform.startswith("linux"):
        raise SetupError("The bench's programs use epoll: run it on Linux.")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SetupError("The bench needs a C compiler (Debian, Ubuntu: apt install gcc libc6-dev).")
    program = folder / name
    command = [compiler, *_FLAGS, "-o", str(program), str(FOLDER / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{name}.c does not compile:\n{done.stderr}")
    return program


@asynccontextmanager
async def started(*words: str, log: Path) -> AsyncIterator[tuple[int, int]]:
    """(pid, port) of a program that prints its port when it is ready; it is killed at the end of the ``with``."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        if not line:
            raise SetupError(f"{words[0]} did not start: {_end_of(log)}")
        yield process.pid, int(line)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _end_of(log: Path) -> str:
    return log.read_text()[-500:]
