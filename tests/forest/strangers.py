"""Who has nothing to do with each other, though all say the same?"""

from dataclasses import replace
from random import Random

from tests.forest.client import World, begun
from tests.forest.dialects import CLAUDE_CODE, EVERY, Dialect
from tests.forest.playing import somebody
from tests.forest.requests import Person
from tests.forest.shapes import text
from tests.forest.truth import Forest, grown
from tests.forest.vocabulary import COMMON_ANSWERS, PROMPTS, TASKS, Words


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


def twins(dialect: Dialect, person: Person, words: Words, count: int) -> World:
    """The same session, word for word, under ``count`` session ids at the same time: prompts, answers, all."""
    assert dialect in CLAUDE_CODE, "who has no session id can not be told apart"
    world = World(words.random)
    world.move = "twin"
    for number in range(count):
        thread = begun(world, person, dialect, number * 0.01)
        for said in PROMPTS[:3]:
            thread.say(text(said), answer=replace(thread.answer(), blocks=(text(COMMON_ANSWERS[0]),)))
    return world


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
