"""The judge and the generator are judged: planted untruths are found, and every move is played."""

from dataclasses import replace
from random import Random

import pytest

from tests.captures import Expected
from tests.forest import playing
from tests.forest.dialects import CLAUDE_CODE, V2_1_330, Dialect
from tests.forest.judge import mistakes
from tests.forest.moves import MOVES
from tests.forest.truth import Forest, Truth

EDGES = {
    "root", "continues", "branches", "forks", "retries", "interrupted", "spawned", "compacts", "resumes", "aside",
    "none",
}  # fmt: skip


def the_truth(forest: Forest) -> dict[int, Expected]:
    """What a perfect linker would say."""
    return {truth.n: said(truth) for truth in forest.truths}


def said(truth: Truth) -> Expected:
    edge, parent = truth.answers[0]
    return Expected(truth.n, (truth.request_class,), (edge,), (parent,), (truth.conversation,))


def planted(one: Expected, random: Random) -> Expected:
    """The same with one untruth in it."""
    match random.choice(["request_class", "edge", "parent", "conversation"]):
        case "request_class":
            return replace(one, request_class=("workflow",))
        case "edge":
            return replace(one, edge=(random.choice(sorted(EDGES - {*one.edge, "continues", "branches"})),))
        case "parent":
            return replace(one, parent=(-1 if one.parent[0] is None else None,))
        case _:
            return replace(one, conversation=(-1 if one.conversation[0] is None else None,))


@pytest.mark.parametrize("seed", range(10))
def test_the_truth_is_no_mistake(seed: int) -> None:
    forest = playing.forest(seed)
    assert mistakes(forest, the_truth(forest)) == []


@pytest.mark.parametrize("seed", range(30))
def test_every_untruth_is_a_mistake(seed: int) -> None:
    random, forest = Random(seed), playing.forest(seed)
    for truth in forest.truths:
        told = the_truth(forest)
        told[truth.n] = planted(told[truth.n], random)
        [line] = mistakes(forest, told)
        assert f" #{truth.n} " in line


@pytest.mark.parametrize("seed", range(5))
def test_silence_is_a_mistake(seed: int) -> None:
    forest = playing.forest(seed)
    told = the_truth(forest)
    del told[forest.truths[-1].n]
    [line] = mistakes(forest, told)
    assert line.endswith("nothing is said of it")


def test_two_right_answers_may_not_be_mixed() -> None:
    """An edge of one with the parent of the other is wrong."""
    [move] = [move for move in MOVES if move.name == "compact_without_newest"]
    forest = playing.scenario(move, V2_1_330)
    [truth] = [truth for truth in forest.truths if len(truth.answers) == 2 and truth.request_class == "compaction"]
    told = the_truth(forest)
    for edge, parent in truth.answers:
        told[truth.n] = replace(told[truth.n], edge=(edge,), parent=(parent,))
        assert mistakes(forest, told) == []
    told[truth.n] = replace(told[truth.n], edge=("branches",))
    assert len(mistakes(forest, told)) == 1


def test_the_same_seed_plays_the_same_forest() -> None:
    assert playing.forest(7) == playing.forest(7) != playing.forest(8)


def test_everything_is_played_before_long() -> None:
    truths = [truth for seed in range(160) for truth in playing.forest(seed).truths]
    assert {edge for truth in truths for edge, _ in truth.answers} == EDGES
    assert {truth.request_class for truth in truths} == {"main", "subagent", "compaction", "auxiliary"}
    assert {move.name for move in MOVES} <= {truth.move.split(",")[0] for truth in truths}


@pytest.mark.parametrize("seed", range(40))
def test_a_truth_makes_sense(seed: int) -> None:
    """Parents come before their children and are in their conversation, whose id is its root."""
    forest = playing.forest(seed)
    by_number = {truth.n: truth for truth in forest.truths}
    for truth in forest.truths:
        for edge, parent in truth.answers:
            assert (parent is None) == (edge in {"root", "none"})
            assert (truth.conversation is None) == (edge == "none")
            assert parent is None or (parent < truth.n and by_number[parent].conversation == truth.conversation)
            assert edge != "root" or truth.conversation == truth.n


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
def test_who_goes_on_first_is_no_branch(dialect: Dialect) -> None:
    [move] = [move for move in MOVES if move.name == "many_branches"]
    forest = playing.scenario(move, dialect)
    for parent in forest.truths:
        edges = [one.answers[0][0] for one in forest.truths if one.answers[0][1] == parent.n]
        continuations = [edge for edge in edges if edge in {"continues", "branches"}]
        assert continuations == ["continues", "branches", "branches", "branches"][: len(continuations)]
