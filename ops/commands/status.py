"""``nexus status``: what runs on this home, does it record, and how far is it behind?"""

import json
from pathlib import Path

import msgspec

from gateway import published
from ops.home import Home
from ops.home_lock import Holder, holder_of
from ops.part_report import Report, is_well, lines, report
from ops.run_state import RunState, read
from ops.settings import load

NOT_RUNNING_EXIT = 3
WELL = {"ready", "done"}


def run(*, as_json: bool) -> int:
    """Say it; 0: all parts are well, 1: some are not, 3: nothing runs."""
    home = Home(load(Path.cwd()).home)
    holder = holder_of(home)
    state = read(home) if holder is not None else None
    said = report(published.read(home.metrics, published.wall_clock()))
    print(json_text(holder, state, said) if as_json else text(home, holder, state, said))
    if holder is None:
        return NOT_RUNNING_EXIT
    parts_are_well = state is not None and all(part.phase in WELL for part in state.parts.values())
    return 0 if parts_are_well and is_well(said) else 1


def json_text(holder: Holder | None, state: RunState | None, said: Report) -> str:
    parts = msgspec.to_builtins(state.parts) if state else {}
    return json.dumps({"holder": msgspec.to_builtins(holder), "parts": parts, "numbers": msgspec.to_builtins(said)})


def text(home: Home, holder: Holder | None, state: RunState | None, said: Report) -> str:
    """Single parts (`nexus gateway`) hold no home; what they publish is shown all the same."""
    if holder is None:
        first = f"Nothing runs on {home.root}. Start it with `nexus up`."
        return "\n".join([first, *_of_single_parts(said)])
    out = [f"`nexus {holder.command}` runs on {home.root} (pid {holder.pid}, since {holder.since})."]
    for name, part in (state.parts if state else {}).items():
        pid = f"pid {part.pid}" if part.pid else ""
        beside = f"is being replaced: beside it pid {part.beside}" if part.beside else ""
        deaths = f"{part.deaths} deaths in a minute" if part.deaths else ""
        out.append(f"  {name:<10} {part.phase:<9} " + "  ".join(filter(None, (pid, part.address, beside, deaths))))
    return "\n".join(line.rstrip() for line in [*out, *(f"  {line}" for line in lines(said))])


def _of_single_parts(said: Report) -> list[str]:
    told = [line for line in lines(said) if not line.endswith("stopped saying anything")]
    return ["Parts that run alone say:", *(f"  {line}" for line in told)] if told else []
