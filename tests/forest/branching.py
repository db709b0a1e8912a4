"""How does a person come back to an earlier place: rewind, resume, fork?"""

from tests.forest.client import Point, Session, Thread, quiet_points, upgraded
from tests.forest.dialects import CLAUDE_CODE, Dialect
from tests.forest.shapes import text
from tests.forest.sides import count_tokens
from tests.forest.talk import INTERRUPTED, cut_off, interrupted, prompt, typed
from tests.forest.truth import ROOT, Link


def _some_point(thread: Thread) -> Point:
    """Earlier ones rather than the newest."""
    points = quiet_points(thread)
    return thread.words.random.choice(points[:-1] or points)


def rewind(thread: Thread) -> None:
    """History is cut after an earlier answer, then something else is asked."""
    if not quiet_points(thread):
        prompt(thread)
    thread.step_back(_some_point(thread))
    thread.wait(30)
    thread.say(*typed(thread))


def rewind_to_start(thread: Thread) -> None:
    """Back before the first prompt: the same session, but nothing of what was said in it."""
    thread.history, thread.standing = [], ROOT
    thread.wait(30)
    thread.say(text(thread.words.fresh()))


def many_branches(thread: Thread) -> None:
    """Several branches of one place, and a branch of a branch."""
    if not quiet_points(thread):
        prompt(thread)
    place = _some_point(thread)
    for _ in range(3):
        thread.step_back(place)
        prompt(thread)
    inner = quiet_points(thread)[-1]
    for _ in range(2):
        thread.step_back(inner)
        prompt(thread)


def same_again(thread: Thread) -> None:
    """Back before a prompt, and the same prompt again: after a finished answer that is a branch."""
    if not quiet_points(thread):
        prompt(thread)
    place, said = quiet_points(thread)[-1], text(thread.words.prompt())
    for _ in range(2):
        thread.step_back(place)
        thread.wait(10)
        thread.say(said)


def resumed_later(thread: Thread) -> None:
    """Another process, hours later, perhaps of a newer version."""
    thread.wait(4000)
    newer = CLAUDE_CODE.index(thread.dialect)
    upgraded(thread, thread.words.random.choice(CLAUDE_CODE[newer:]))
    thread.say(*typed(thread))


def fork(thread: Thread, dialect: Dialect | None = None) -> Thread:
    """The history so far, or up to an earlier answer, in a new session."""
    if not quiet_points(thread):
        prompt(thread)
    points = quiet_points(thread)
    point = points[-1] if thread.words.chance(0.6) else thread.words.random.choice(points)
    return _forked(thread, point, dialect or thread.dialect)


def _forked(thread: Thread, point: Point, dialect: Dialect) -> Thread:
    session = Session(thread.world, thread.session.person, dialect, thread.words.uuid())
    child = Thread(session, thread.now + thread.words.between(1, 60), history=list(point.history))
    child.standing = Link("forks", point.exchange)
    if child.words.chance(0.2):
        count_tokens(child)
    if child.words.chance(0.2):
        interrupted(child)
    else:
        child.say(*typed(child))
    return child


def fork_of_a_cut_answer(thread: Thread) -> None:
    """The old session ends with an interruption; the new one holds the beginning of that answer.

    DESIGN allows either word: the same history in a new session, and a prefix of an answer that was cut.
    """
    exchange = cut_off(thread)
    session = Session(thread.world, thread.session.person, thread.dialect, thread.words.uuid())
    child = Thread(session, thread.now + 5, history=list(thread.history))
    child.standing = Link("forks", exchange, instead=(("interrupted", exchange),))
    child.say(text(INTERRUPTED), *typed(child))
    thread.standing = Link("interrupted", exchange)
    thread.wait(60)
    thread.say(text(INTERRUPTED), *typed(thread))


def fork_and_go_on(thread: Thread) -> None:
    """Both sessions go on at the same time."""
    child = fork(thread)
    prompt(thread)
    prompt(child)


def fork_twice(thread: Thread) -> None:
    """Two forks of one place, and a fork of a fork; the old session is still the first to go on from there."""
    if not quiet_points(thread):
        prompt(thread)
    place = quiet_points(thread)[-1]
    first = _forked(thread, place, thread.dialect)
    _forked(thread, place, thread.dialect)
    prompt(first)
    fork(first)
    thread.step_back(place)
    thread.wait(120)
    thread.say(*typed(thread))


def fork_into_newer(thread: Thread) -> None:
    """The new session is another version's."""
    newer = CLAUDE_CODE.index(thread.dialect)
    prompt(fork(thread, thread.words.random.choice(CLAUDE_CODE[newer:])))
