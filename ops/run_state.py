"""What does the running ``nexus up`` say about itself? Kept in one small file for ``nexus status`` and others."""

import os
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from ops.home import Home


class PartNow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part."""

    phase: str
    pid: int | None = None
    address: str = ""
    deaths: int = 0
    """Within the last minute before its last start."""
    beside: int | None = None
    """Its second process while it is replaced: the one that starts, then the one that ends."""


class Roll(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest ``nexus restart``."""

    number: int
    """Generation of the processes that are started now; grows with each one."""
    done: int
    """The number of the last one that came to its end."""
    left: tuple[str, ...] = ()
    """Parts that are still to be replaced."""
    failed: str = ""
    """Why it did not come to its end."""


class RunState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything."""

    pid: int
    """Of the supervisor."""
    gateway: str = ""
    """Address."""
    dashboard: str = ""
    database_url: str = ""
    """Of the embedded database; a socket in the home, without a password."""
    parts: Mapping[str, PartNow] = {}
    roll: Roll | None = None
    """None: this supervisor cannot replace its parts."""


def write(home: Home, state: RunState) -> None:
    """Replace the file whole. A full disk is no reason for a supervisor to fail."""
    fresh = home.state_file.with_suffix(".new")
    with suppress(OSError):
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(home.state_file)


def read(home: Home) -> RunState | None:
    """What the file says, if it is of a process that still lives."""
    try:
        state = msgspec.json.decode(home.state_file.read_bytes(), type=RunState)
        os.kill(state.pid, 0)
    except (FileNotFoundError, ProcessLookupError, msgspec.MsgspecError):
        return None
    except PermissionError:
        return None
    return state


def remove(home: Home) -> None:
    with suppress(OSError):
        home.state_file.unlink()
