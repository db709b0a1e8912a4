"""How is a program run: to its end, or as a server that outlives us?"""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
"""All that these programs get: keys and tokens in our own environment are none of the database's business."""

REASON_LIMIT = 300
"""Characters of a program's complaint that fit into our one line."""

_COMPLAINT = re.compile(r"(?:FATAL|PANIC|[a-z]+: error):\s+(.*)")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said on both outputs."""

    code: int
    output: str


def run(argv: Sequence[str], *, timeout_s: float, said: str = "", keep_open: tuple[int, ...] = ()) -> Ended:
    """Run a program to its end; raises TimeoutError after killing it with all its children."""
    process = subprocess.Popen(  # noqa: S603  no shell, and every argument comes from our own code
        argv,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=keep_open,
    )
    with process:
        try:
            output, _ = process.communicate(said.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{Path(argv[0]).name} did not end within {timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, output.decode(errors="replace"))


def spawn(argv: Sequence[str], *, log: Path, keep_open: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C in the terminal does not reach it."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603  no shell, and every argument comes from our own code
            argv,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep_open,
        )
    finally:
        os.close(output)


def reason(output: str) -> str:
    """The one line of a program's output that says why it gave up."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [found[1] for line in lines if (found := _COMPLAINT.search(line))]
    return (complaints or lines or ["it said nothing"])[-1][:REASON_LIMIT]
