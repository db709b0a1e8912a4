"""``nexus restart``: how is the running gateway replaced by a new one, without a failed request?"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from domain.errors import NexusError
from ops.commands.status import NOT_RUNNING_EXIT
from ops.home import Home
from ops.home_lock import holder_of
from ops.plan import is_gateway
from ops.run_state import Roll, RunState, read
from ops.settings import load

_ANSWER_S = 10.0
"""The supervisor is a process of its own, and may be busy."""
_LOOK_S = 0.05


class CannotRestartError(NexusError):
    """What runs cannot be restarted."""


def run(*, as_json: bool) -> int:
    """Ask for it, wait, say how it went; 0: all are new, 1: not all, 3: nothing runs. Raises CannotRestartError."""
    home = Home(load(Path.cwd()).home)
    if holder_of(home) is None:
        _tell(as_json, NOT_RUNNING_EXIT, (), f"Nothing runs on {home.root}. Start it with `nexus up`.")
        return NOT_RUNNING_EXIT
    before, roll = _restartable(home)
    os.kill(before.pid, signal.SIGUSR1)
    roll = _wait_until_begun(home, before.pid, roll.number)
    failed = _wait_until_over(home, before.pid, roll.number)
    replaced = _replaced(before, read(home) or before)
    _tell(as_json, int(bool(failed)), replaced, failed or f"The gateway is new: {', '.join(replaced)}.")
    return int(bool(failed))


def _restartable(home: Home) -> tuple[RunState, Roll]:
    """Only who says that it knows the signal may be sent it: it ends everybody else."""
    holder, state = holder_of(home), read(home)
    if holder is None or state is None or state.pid != holder.pid or state.roll is None:
        what = f"`nexus {holder.command}`" if holder else "What ran"
        raise CannotRestartError(f"{what} cannot be restarted in place. Stop it and start it again.")
    if state.roll.left or any(part.beside for part in state.parts.values()):
        raise CannotRestartError("The gateway is being restarted already; `nexus status` shows it. Wait for its end.")
    return state, state.roll


def _wait_until_begun(home: Home, pid: int, number: int) -> Roll:
    deadline = time.monotonic() + _ANSWER_S
    while time.monotonic() < deadline:
        roll = _roll_of(home, pid)
        if roll is not None and roll.number > number:
            return roll
        time.sleep(_LOOK_S)
    raise CannotRestartError(f"`nexus up` (pid {pid}) does not answer. If it is stopping, start it again.")


def _wait_until_over(home: Home, pid: int, number: int) -> str:
    """Why it failed, or "". The supervisor bounds each step; if it goes, so does the roll."""
    said = ""
    while True:
        roll = _roll_of(home, pid)
        if roll is None:
            return "Nexus was stopped meanwhile."
        if roll.failed:
            return roll.failed
        if roll.done >= number:
            return ""
        line = _progress(roll)
        if line != said:
            print(f"nexus: {line}", file=sys.stderr, flush=True)
            said = line
        time.sleep(_LOOK_S)


def _roll_of(home: Home, pid: int) -> Roll | None:
    state = read(home)
    return state.roll if state is not None and state.pid == pid else None


def _progress(roll: Roll) -> str:
    if roll.left:
        return f"replacing {roll.left[0]}; {len(roll.left)} to go"
    return "all new ones serve; waiting for the old ones to end what they have begun"


def _replaced(before: RunState, now: RunState) -> Sequence[str]:
    """The gateway's workers that are another process now."""
    return [name for name, part in now.parts.items() if is_gateway(name) and part.pid != before.parts[name].pid]


def _tell(as_json: bool, code: int, replaced: Sequence[str], text: str) -> None:
    if as_json:
        print(json.dumps({"ok": code == 0, "replaced": list(replaced), "message": text}))
    else:
        print(text)
