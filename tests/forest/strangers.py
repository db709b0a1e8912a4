"""Who has nothing to do with each other, though all say the same?"""

from dataclasses import replace
from random import Random

from tests.forest.agents import work_alike
from tests.forest.client import Session, Thread, World, begun, elsewhere
from tests.forest.compaction import compact_before_prompt
from tests.forest.dialects import CLAUDE_CODE, EVERY, Dialect
from tests.forest.playing import somebody
from tests.forest.requests import Person
from tests.forest.shapes import text, thinking
from tests.forest.truth import Exchange, Forest, Link, grown
from tests.forest.vocabulary import COMMON_ANSWERS, PROMPTS, TASKS


def strangers(sessions: int, scopes: int, seed: int = 0) -> Forest:
    """Sessions of one exchange or two; everybody asks the same few things and gets the same few answers."""
    world = World(Random(f"strangers {sessions} {scopes} {seed}"))
    world.move = "stranger"
    world.brief = True
    persons = [somebody(world.words) for _ in range(scopes)]
    for number in range(sessions):
        _stranger(world, world.words.random.choice(persons), number * 0.05)
    return grown(f"{sessions} strangers in {scopes} scopes", world.exchanges)


def _stranger(world: World, person: Person, now: float) -> None:
    words = world.words
    thread = begun(world, person, words.random.choice(EVERY), now)
    said = words.random.choice(PROMPTS + TASKS)
    common = thread.answer(words=words.random.choice(COMMON_ANSWERS))
    thread.say(text(said), answer=replace(common, blocks=common.blocks[-1:]))


def twins(dialect: Dialect, count: int) -> Forest:
    """The same session, word for word, under many session ids at the same time: prompts, answers, summary, all."""
    assert dialect in CLAUDE_CODE, "who has no session id can not be told apart"
    world = World(Random(f"twins {dialect}"))
    world.move = "twin"
    person = somebody(world.words)
    for number in range(count):
        thread = begun(world, person, dialect, number * 0.01)
        for said in PROMPTS[:3]:
            _say_alike(thread, said)
        compact_before_prompt(thread, inside="Everybody did the same.")
        _say_alike(thread, PROMPTS[0])
        work_alike(thread, TASKS[0], COMMON_ANSWERS[0])
    return grown(f"twins, {dialect}", world.exchanges)


def _say_alike(thread: Thread, said: str) -> Exchange:
    common = text(COMMON_ANSWERS[0])
    return thread.say(text(said), answer=replace(thread.answer(), blocks=(common,)))


def look_alikes(kind: str, dialect: Dialect) -> Forest:
    """Two sessions with equal words; a fork of the first. What tells them apart, strongest first (DESIGN §7).

    ``signature``: thinking of the first is in the fork. ``device``: the fork is on the first one's device.
    ``recent``: nothing does, so the fork is taken for one of the second, which is the more recent.
    """
    world = World(Random(f"look alikes {kind} {dialect}"))
    world.move = kind
    person = replace(somebody(world.words), account=world.words.uuid())
    devices = [person, elsewhere(person, world.words) if kind == "device" else person]
    threads = [begun(world, one, dialect, 100.0 * n) for n, one in enumerate(devices)]
    for thread in threads:
        signed = thinking("", world.words.signature())
        blocks = (signed, text("Done.")) if kind == "signature" else (text("Done."),)
        thread.say(text("go on"), answer=replace(thread.answer(), blocks=blocks))
    _fork_alike(threads[0], threads[1] if kind == "recent" else threads[0])
    late = begun(world, person, dialect, 900.0)
    _say_alike(late, "go on")
    return grown(f"{kind}, {dialect}", world.exchanges)


def _fork_alike(thread: Thread, taken_for: Thread) -> None:
    """Long after both."""
    session = Session(thread.world, thread.session.person, thread.dialect, thread.words.uuid())
    fork = Thread(session, 500.0, history=list(thread.history))
    fork.standing = Link("forks", taken_for.points[-1].exchange)
    fork.say(text(thread.words.fresh()))


def pasting(dialect: Dialect, seed: int = 0) -> Forest:
    """People paste what they got elsewhere: an answer, a summary's sentence, a task's prompt, an agent's id."""
    world = World(Random(f"pasting {dialect} {seed}"))
    world.move = "pasting"
    person = somebody(world.words)
    source = begun(world, person, dialect, 0.0)
    answer = world.words.fresh(12)
    source.say(text("first"), answer=source.answer(words=answer))
    for number, pasted in enumerate(_pasted(answer, source.session.session_id)):
        thread = begun(world, person, dialect, 20.0 + number)
        thread.say(text(pasted))
        thread.say(text("go on"))
    return grown(f"pasting, {dialect}, {seed}", world.exchanges)


def _pasted(answer: str, session: str) -> list[str]:
    handed_on = "This session is being continued from a previous conversation that ran out of context."
    return [
        answer,
        f"first\n{answer}",
        f"{handed_on} The summary below covers the earlier portion.\n\nSummary:\n{answer}",
        f"look at ~/.claude/projects/x/{session}.jsonl",
        TASKS[0],
    ]
