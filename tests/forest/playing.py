"""How is a whole forest played: people, sessions, moves, all of it from one seed?"""

from datetime import timedelta
from random import Random

from tests.forest import failures
from tests.forest.client import Thread, World, begun, elsewhere
from tests.forest.dialects import CLAUDE_CODE, PLAIN, Dialect
from tests.forest.moves import MOVES, Move
from tests.forest.requests import Person
from tests.forest.talk import prompt, tools, typed
from tests.forest.truth import BEGIN, Forest, grown
from tests.forest.vocabulary import Words


def forest(seed: int, most_sessions: int = 4, most_moves: int = 6) -> Forest:
    """A few people with a few sessions each, at the same time; the same seed plays the same forest."""
    random = Random(f"forest {seed}")
    world = World(random)
    world.trouble = random.choice([0.0, 0.1, 0.3])
    persons = [somebody(world.words) for _ in range(random.choice([1, 1, 2]))]
    for _ in range(random.randint(1, most_sessions)):
        person = random.choice(persons)
        if random.random() < 0.3:
            person = elsewhere(person, world.words)
        dialect = random.choice([*CLAUDE_CODE, *CLAUDE_CODE, *PLAIN])
        _session(begun(world, person, dialect, random.uniform(0, 300)), random.randint(1, most_moves))
    begin = BEGIN + timedelta(milliseconds=random.randint(0, 10**8))
    return grown(f"seed {seed}", world.exchanges, begin)


def somebody(words: Words) -> Person:
    account = words.uuid() if words.chance(0.6) else ""
    return Person(account, words.hex(64), f"sk-ant-{words.hex(24)}")


def _session(thread: Thread, moves: int) -> None:
    thread.world.move = "first prompt"
    if thread.words.chance(0.7):
        prompt(thread)
    for _ in range(moves):
        can = [move for move in MOVES if move.can(thread.dialect)]
        _make(thread, thread.words.random.choices(can, [move.weight for move in can])[0])


def _make(thread: Thread, move: Move) -> None:
    thread.world.move = move.name
    move.play(thread)


def scenario(move: Move, dialect: Dialect, seed: int = 0) -> Forest:
    """One move, in the middle of a session, beside another session of the same person."""
    world = World(Random(f"{move.name} {dialect} {seed}"))
    person = somebody(world.words)
    other = begun(world, person, dialect, 1.0)
    thread = begun(world, person, dialect, 5.0)
    world.move = "around"
    prompt(other)
    prompt(thread)
    tools(thread)
    _make(thread, move)
    world.move = f"after {move.name}"
    prompt(thread)
    world.move = "around"
    tools(other)
    return grown(f"{move.name}, {dialect}, {seed}", world.exchanges)


def failing(fault: str, dialect: Dialect, *, agent: bool = False) -> Forest:
    """A request that fails once, twice, three times; at a session's beginning and later."""
    assert fault in failures.EVERY
    world = World(Random(f"{fault} {dialect}"))
    thread = begun(world, somebody(world.words), dialect, 0.0)
    thread.is_agent = agent
    for times in range(4):
        world.move = f"{fault} times {times}"
        thread.say(*typed(thread), faults=[fault] * (3 - times))
    return grown(f"{fault}, {dialect}", world.exchanges)
