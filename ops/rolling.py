"""How are parts replaced without a break? Pure: the part of ``ops/supervision.py`` that rolls.

Theory of operation
-------------------
A roll goes from part to part: a new process is started beside the old one; when it is ready it becomes the part's
process, the old one is told to retire, and the next part has its turn. The roll is over when the last predecessor has
ended. So whoever was ready serves on until another one does.

* Which process is new is told by its *generation*, which grows with each roll.
* A part that is not ready when its turn comes is not touched until it is. If it is started anew meanwhile, it is new.
* A new process that ends before it is ready ends the roll: the old one, and those behind it, serve on.
* If the old one dies first, the new one is the part's process from then on, as if it had been started for that.
"""

from dataclasses import replace

from ops.supervision_types import (
    Command,
    PartState,
    Phase,
    Start,
    Supervision,
    Tell,
    TellRolled,
    TellRollFailed,
    Urgency,
)


def ask(state: Supervision) -> Supervision:
    """Begin a roll, unless there is one already, or everything is to stop."""
    if state.asked or state.roll is not None:
        return state
    parts = tuple(part.name for part in state.plan if part.rolls)
    return replace(state, generation=state.generation + 1, roll=parts)


def note_ready(state: Supervision, name: str, now: float) -> tuple[Supervision, list[Command]]:
    """The process beside is ready: it takes over, unless everything is to stop."""
    new, old = state.beside[name], state.parts[name]
    if new.phase is not Phase.STARTING or new.told:
        return state, []
    new = replace(new, phase=Phase.READY, due=None)
    if state.asked:
        return state.with_beside(name, new), []
    leaving = replace(old, told=Urgency.RETIRE, due=now + state.part(name).drain_s)
    state = state.with_part(name, new).with_beside(name, leaving)
    return state, [Tell(name, Urgency.RETIRE, old.generation)]


def note_death(state: Supervision, name: str, code: int) -> tuple[Supervision, list[Command]]:
    """The part's process died and rests: a successor that is starting steps in; a new one that died ends the roll."""
    dead, successor = state.parts[name], state.beside.get(name)
    if successor is not None and not successor.is_leaving:
        return state.without_beside(name).with_part(name, replace(successor, deaths=dead.deaths)), []
    if state.roll and state.roll[0] == name and dead.generation == state.generation:
        return replace(state, roll=None), [TellRollFailed(name, code, dead.generation)]
    return state, []


def settle(state: Supervision, now: float) -> tuple[Supervision, list[Command]]:
    """What is due in the roll."""
    if state.roll is None:
        return state, []
    if not state.roll:
        return (state, []) if state.beside else (replace(state, roll=None, rolled=state.generation), [TellRolled()])
    name = state.roll[0]
    it = state.parts[name]
    if it.phase is not Phase.READY:
        return state, []
    if it.generation == state.generation:
        return replace(state, roll=state.roll[1:]), []
    if name in state.beside:  # a successor, or who still leaves from the roll before
        return state, []
    due, generation = now + state.part(name).ready_s, state.generation
    successor = PartState(Phase.STARTING, due, was_ready=True, deaths=it.deaths, generation=generation)
    return state.with_beside(name, successor), [Start(name, generation)]
