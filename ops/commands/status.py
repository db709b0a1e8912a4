"""``nexus status``: what runs on this home?"""

import json
from pathlib import Path

import msgspec

from ops.home import Home
from ops.home_lock import Holder, holder_of
from ops.run_state import RunState, read
from ops.settings import load

NOT_RUNNING_EXIT = 3
WELL = {"ready", "done"}


def run(*, as_json: bool) -> int:
    """Say it; 0: all parts are well, 1: some are not, 3: nothing runs."""
    home = Home(load(Path.cwd()).home)
    holder = holder_of(home)
    state = read(home) if holder is not None else None
    print(json_text(holder, state) if as_json else text(home, holder, state))
    if holder is None:
        return NOT_RUNNING_EXIT
    return 0 if state is not None and all(part.phase in WELL for part in state.parts.values()) else 1


def json_text(holder: Holder | None, state: RunState | None) -> str:
    parts = msgspec.to_builtins(state.parts) if state else {}
    return json.dumps({"holder": msgspec.to_builtins(holder), "parts": parts})


def text(home: Home, holder: Holder | None, state: RunState | None) -> str:
    if holder is None:
        return f"Nothing runs on {home.root}. Start it with `nexus up`."
    lines = [f"`nexus {holder.command}` runs on {home.root} (pid {holder.pid}, since {holder.since})."]
    for name, part in (state.parts if state else {}).items():
        pid = f"pid {part.pid}" if part.pid else ""
        beside = f"is being replaced: beside it pid {part.beside}" if part.beside else ""
        deaths = f"{part.deaths} deaths in a minute" if part.deaths else ""
        lines.append(f"  {name:<10} {part.phase:<9} " + "  ".join(filter(None, (pid, part.address, beside, deaths))))
    return "\n".join(line.rstrip() for line in lines)
