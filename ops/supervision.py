"""Which part is started, restarted or stopped, and when? Pure: inputs and the time in, commands out.

Theory of operation
-------------------
A *part* is one process of Nexus. ``advance`` takes what happened (a part is ready, a part ended, a signal came, time
passed), notes it, and then *settles*: it looks at every part and says what is due now. Nothing is remembered about
commands but what they left in the state, so the same state always gives the same commands.

* A part is first started when every part in its ``after`` has been ready once. Later those may die and come back:
  nobody is restarted because of somebody else.
* A part that ends unasked is started again: at once after its first death, then after growing pauses; the fifth
  death within a minute makes it a *looping* part, which is tried every ``LOOP_PAUSE_S``.
* A part that ends with ``SETUP_EXIT`` before it was ever ready cannot work as things are set: everything stops.
* A part that is started but not ready in time hangs: it is killed, which counts as a death.
* Each request to stop is more urgent than the one before: 1 drain in order, 2 abort in order, 3 kill all at once.
  In order means: a part is told when all in its ``outlives`` have ended. Whoever does not obey in time is told
  again, harder; whoever survives even that is left behind, so that the supervisor always ends.
"""

from collections.abc import Sequence
from dataclasses import replace

from ops.supervision_types import (
    SETUP_EXIT,
    BecameReady,
    Began,
    Command,
    Ended,
    Finish,
    Input,
    Part,
    PartState,
    Phase,
    Start,
    StopAsked,
    Supervision,
    Tell,
    TellDeath,
    TellHopeless,
    TellReady,
    TimePassed,
    Urgency,
)

LOOP_DEATHS = 5
LOOP_WINDOW_S = 60.0
LOOP_PAUSE_S = 15.0
_PAUSES_S = (0.0, 0.5, 1.0, 2.0)
"""After the first, second, … death within the window; then ``LOOP_PAUSE_S``."""
ABORT_S = 3.0
"""How long a part may take to abort, and the kernel to kill it."""


def begin(plan: Sequence[Part]) -> Supervision:
    """The state before anything happened; the first input is ``Began``."""
    return Supervision(plan, {part.name: PartState() for part in plan})


def advance(state: Supervision, happened: Input, now: float) -> tuple[Supervision, list[Command]]:
    """Take in what happened at ``now`` and say what to do."""
    state, told = _note(state, happened, now)
    state, due = _settle_all(state, now)
    commands: list[Command] = [told, *due] if told else due
    now_so = state.parts.values()
    if not state.asked and not state.announced and all(it.phase in {Phase.READY, Phase.DONE} for it in now_so):
        state = replace(state, announced=True)
        commands.append(TellReady())
    if state.asked and not any(it.runs for it in now_so):
        commands.append(Finish(state.exit_code or int(any(it.told is Urgency.LEAVE for it in now_so))))
    return state, commands


def next_due(state: Supervision) -> float | None:
    """When ``TimePassed`` must come at the latest, if nothing else does."""
    return min((it.due for it in state.parts.values() if it.due is not None), default=None)


def _note(state: Supervision, happened: Input, now: float) -> tuple[Supervision, Command | None]:
    match happened:
        case Began() | TimePassed():
            return state, None
        case StopAsked():
            return _ask_to_stop(state), None
        case BecameReady(name):
            it = state.parts[name]
            if it.phase is Phase.STARTING and not it.told:
                state = _with(state, name, replace(it, phase=Phase.READY, was_ready=True, due=None))
            return state, None
        case Ended(name, code):
            return _note_end(state, name, code, now)


def _ask_to_stop(state: Supervision) -> Supervision:
    asked = Urgency(min(state.asked + 1, Urgency.KILL))
    parts = {name: _made_to_end(it) for name, it in state.parts.items()}
    return replace(state, asked=asked, parts=parts)


def _made_to_end(it: PartState) -> PartState:
    if not it.runs:
        return replace(it, phase=Phase.ENDED, due=None)
    return it if it.told else replace(it, due=None)


def _note_end(state: Supervision, name: str, code: int, now: float) -> tuple[Supervision, Command | None]:
    it = state.parts[name]
    if state.asked:
        exit_code = state.exit_code or int(it.told >= Urgency.ABORT)
        return replace(_with(state, name, PartState(Phase.ENDED)), exit_code=exit_code), None
    if code == 0 and _part(state, name).runs_once:
        return _with(state, name, PartState(Phase.DONE, was_ready=True)), None
    if code == SETUP_EXIT and not it.was_ready:
        hopeless = replace(_with(state, name, PartState(Phase.ENDED)), exit_code=SETUP_EXIT)
        return _ask_to_stop(hopeless), TellHopeless(name)
    deaths = (*(at for at in it.deaths if at > now - LOOP_WINDOW_S), now)
    looping = len(deaths) >= LOOP_DEATHS
    pause = LOOP_PAUSE_S if looping else _PAUSES_S[len(deaths) - 1]
    resting = PartState(Phase.RESTING, due=now + pause, was_ready=it.was_ready, deaths=deaths)
    return _with(state, name, resting), TellDeath(name, code, pause, looping)


def _settle_all(state: Supervision, now: float) -> tuple[Supervision, list[Command]]:
    """What is due, until nothing more follows from it (a part left behind lets the next one stop)."""
    commands: list[Command] = []
    settled: Supervision | None = None
    while settled != state:
        settled = state
        for part in state.plan:
            it, command = _settle(state, part, now)
            state = _with(state, part.name, it)
            commands += [command] if command else []
    return state, commands


def _settle(state: Supervision, part: Part, now: float) -> tuple[PartState, Command | None]:
    """What is due for one part."""
    it = state.parts[part.name]
    if state.asked:
        return _settle_stopping(state, part, now)
    overdue = it.due is not None and it.due <= now
    match it.phase:
        case Phase.WAITING if all(state.parts[name].was_ready for name in part.after):
            return _started(part, it, now)
        case Phase.RESTING if overdue:
            return _started(part, it, now)
        case Phase.STARTING if overdue:
            return replace(it, due=now + ABORT_S, told=Urgency.KILL), Tell(part.name, Urgency.KILL)
    return it, None


def _started(part: Part, it: PartState, now: float) -> tuple[PartState, Command]:
    return replace(it, phase=Phase.STARTING, due=now + part.ready_s), Start(part.name)


def _settle_stopping(state: Supervision, part: Part, now: float) -> tuple[PartState, Command | None]:
    it = state.parts[part.name]
    if not it.runs:
        return it, None
    wanted = _wanted_urgency(state, part, now)
    if wanted is Urgency.LEAVE:
        return PartState(Phase.ENDED, told=wanted), None
    if wanted > it.told:
        allowed_s = part.drain_s if wanted is Urgency.DRAIN else ABORT_S
        return replace(it, told=wanted, due=now + allowed_s), Tell(part.name, wanted)
    return it, None


def _wanted_urgency(state: Supervision, part: Part, now: float) -> Urgency:
    """How hard this part must be told by now."""
    it = state.parts[part.name]
    if state.asked is Urgency.KILL and it.told < Urgency.KILL:
        return Urgency.KILL
    if it.told and it.due is not None and it.due <= now:
        return Urgency(it.told + 1)
    if any(state.parts[name].runs for name in part.outlives if name in state.parts):
        return it.told
    return max(it.told, state.asked)


def _with(state: Supervision, name: str, it: PartState) -> Supervision:
    return replace(state, parts={**state.parts, name: it})


def _part(state: Supervision, name: str) -> Part:
    return next(part for part in state.plan if part.name == name)
