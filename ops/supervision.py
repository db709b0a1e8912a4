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
* A *roll* replaces the parts that can be (``ops/rolling.py``).
* Each request to stop is more urgent than the one before: first drain in order, then abort in order, then kill all
  at once. In order means: a part is told when all in its ``outlives`` have ended. Whoever does not obey in time is
  told again, harder; whoever survives even that is left behind, so that the supervisor always ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ops import rolling
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
    RollAsked,
    Start,
    StopAsked,
    Supervision,
    Tell,
    TellDeath,
    TellHopeless,
    TellReady,
    TellRollFailed,
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
    state, commands = _note(state, happened, now)
    state, due = _settle_all(state, now)
    commands += due
    now_so = state.parts.values()
    if not state.asked and not state.announced and all(it.phase in {Phase.READY, Phase.DONE} for it in now_so):
        state = replace(state, announced=True)
        commands.append(TellReady())
    if state.asked and not any(it.runs for it in (*now_so, *state.beside.values())):
        commands.append(Finish(state.exit_code or int(any(it.told is Urgency.LEAVE for it in now_so))))
    return state, commands


def next_due(state: Supervision) -> float | None:
    """When ``TimePassed`` must come at the latest, if nothing else does."""
    processes = (*state.parts.values(), *state.beside.values())
    return min((it.due for it in processes if it.due is not None), default=None)


def _note(state: Supervision, happened: Input, now: float) -> tuple[Supervision, list[Command]]:
    match happened:
        case Began() | TimePassed():
            return state, []
        case StopAsked():
            return _ask_to_stop(state), []
        case RollAsked():
            return rolling.ask(state), []
        case BecameReady(name, generation) if state.is_beside(name, generation):
            return rolling.note_ready(state, name, now)
        case BecameReady(name):
            it = state.parts[name]
            if it.phase is Phase.STARTING and not it.told:
                state = state.with_part(name, replace(it, phase=Phase.READY, was_ready=True, due=None))
            return state, []
        case Ended(name, _, generation) if state.is_beside(name, generation):
            return _note_end_beside(state, happened)
        case Ended(name, code, generation) if state.parts[name].generation == generation:
            return _note_end(state, name, code, now)
        case Ended():
            return state, []  # of a predecessor that had been left behind


def _ask_to_stop(state: Supervision) -> Supervision:
    asked = Urgency(min(max(state.asked + 1, Urgency.DRAIN), Urgency.KILL))
    return replace(state, asked=asked, roll=None, parts=_made_to_end(state.parts), beside=_made_to_end(state.beside))


def _made_to_end(processes: Mapping[str, PartState]) -> Mapping[str, PartState]:
    def made_to_end(it: PartState) -> PartState:
        if not it.runs:
            return replace(it, phase=Phase.ENDED, due=None)
        return it if it.told else replace(it, due=None)

    return {name: made_to_end(it) for name, it in processes.items()}


def _note_end(state: Supervision, name: str, code: int, now: float) -> tuple[Supervision, list[Command]]:
    it = state.parts[name]
    if state.asked:
        exit_code = state.exit_code or int(it.told >= Urgency.ABORT)
        return replace(state.with_part(name, _ended(it)), exit_code=exit_code), []
    if code == 0 and state.part(name).runs_once:
        return state.with_part(name, PartState(Phase.DONE, was_ready=True)), []
    if code == SETUP_EXIT and not it.was_ready:
        hopeless = replace(state.with_part(name, _ended(it)), exit_code=SETUP_EXIT)
        return _ask_to_stop(hopeless), [TellHopeless(name)]
    deaths = (*(at for at in it.deaths if at > now - LOOP_WINDOW_S), now)
    looping = len(deaths) >= LOOP_DEATHS
    pause = LOOP_PAUSE_S if looping else _PAUSES_S[len(deaths) - 1]
    resting = PartState(Phase.RESTING, due=now + pause, was_ready=it.was_ready, deaths=deaths, generation=it.generation)
    state, failed = rolling.note_death(state.with_part(name, resting), name, code)
    return state, [TellDeath(name, code, pause, looping, it.generation), *failed]


def _ended(it: PartState, told: Urgency = Urgency.NONE) -> PartState:
    return PartState(Phase.ENDED, told=told, generation=it.generation)


def _note_end_beside(state: Supervision, ended: Ended) -> tuple[Supervision, list[Command]]:
    it = state.beside[ended.part]
    state = state.without_beside(ended.part)
    if state.asked:
        return replace(state, exit_code=state.exit_code or int(it.told >= Urgency.ABORT)), []
    if it.is_leaving:
        return state, []
    return replace(state, roll=None), [TellRollFailed(ended.part, ended.code, ended.generation)]


def _settle_all(state: Supervision, now: float) -> tuple[Supervision, list[Command]]:
    """What is due, until nothing more follows from it (a part left behind lets the next one stop)."""
    commands: list[Command] = []
    settled: Supervision | None = None
    while settled != state:
        settled = state
        for part in state.plan:
            state, due = _settle_part(state, part, now)
            commands += due
        state, due = rolling.settle(state, now)
        commands += due
    return state, commands


def _settle_part(state: Supervision, part: Part, now: float) -> tuple[Supervision, list[Command]]:
    it, command = _settle(state, part, state.parts[part.name], now)
    state, commands = state.with_part(part.name, it), [command]
    if part.name in state.beside:
        it, command = _settle(state, part, state.beside[part.name], now)
        left_behind = bool(state.asked) and it.told is Urgency.LEAVE
        state = replace(state.with_beside(part.name, it), exit_code=state.exit_code or int(left_behind))
        commands.append(command)
    return state, [command for command in commands if command is not None]


def _settle(state: Supervision, part: Part, it: PartState, now: float) -> tuple[PartState, Command | None]:
    """What is due for one process of a part."""
    if state.asked or it.is_leaving:
        return _settle_stopping(state, part, it, now)
    overdue = it.due is not None and it.due <= now
    match it.phase:
        case Phase.WAITING if all(state.parts[name].was_ready for name in part.after):
            return _started(state, part, it, now)
        case Phase.RESTING if overdue:
            return _started(state, part, it, now)
        case Phase.STARTING if overdue:
            return replace(it, due=now + ABORT_S, told=Urgency.KILL), Tell(part.name, Urgency.KILL, it.generation)
    return it, None


def _started(state: Supervision, part: Part, it: PartState, now: float) -> tuple[PartState, Command]:
    starting = replace(it, phase=Phase.STARTING, due=now + part.ready_s, generation=state.generation)
    return starting, Start(part.name, state.generation)


def _settle_stopping(state: Supervision, part: Part, it: PartState, now: float) -> tuple[PartState, Command | None]:
    if not it.runs:
        return it, None
    wanted = _wanted_urgency(state, part, it, now)
    if wanted is Urgency.LEAVE:
        return _ended(it, told=wanted), None
    if wanted > it.told:
        allowed_s = part.drain_s if wanted is Urgency.DRAIN else ABORT_S
        return replace(it, told=wanted, due=now + allowed_s), Tell(part.name, wanted, it.generation)
    return it, None


def _wanted_urgency(state: Supervision, part: Part, it: PartState, now: float) -> Urgency:
    """How hard this process must be told by now."""
    if state.asked is Urgency.KILL and it.told < Urgency.KILL:
        return Urgency.KILL
    if it.told and it.due is not None and it.due <= now:
        return Urgency(max(it.told + 1, Urgency.ABORT))
    if any(state.runs(name) for name in part.outlives):
        return it.told
    return max(it.told, state.asked)
