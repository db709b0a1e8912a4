"""The mutants: each is another program, small, and the tests of a module are asked about it."""

import ast

import pytest

from tests.mutating import mutants
from tests.source_tree import ROOT

SOURCE = """
def f(a, b):
    if not a and b < 3:
        g(a)
        return a + 1
    return b is None
"""
EXPECTED = {
    "not a and b < 3  =>  not a or b < 3",
    "not a  =>  not not bool(a)",
    "b < 3  =>  b <= 3",
    "3  =>  4",
    "g(a)  =>  nothing",
    "return a + 1  =>  return",
    "a + 1  =>  a - 1",
    "1  =>  2",
    "return b is None  =>  return",
    "b is None  =>  b is not None",
}


def test_every_small_mistake_is_made_once() -> None:
    made = list(mutants(SOURCE))
    assert {one.what for one in made} == EXPECTED
    assert len(made) == len(EXPECTED)
    assert len({one.source for one in made}) == len(EXPECTED)


@pytest.mark.parametrize("module", ["gateway/frames.py", "domain/parts.py"])
def test_each_mutant_of_a_module_is_a_program_of_its_own(module: str) -> None:
    source = (ROOT / module).read_text()
    original = ast.unparse(ast.parse(source))
    made = list(mutants(source))
    assert len(made) > 20
    for one in made:
        assert one.source != original
        compile(one.source, module, "exec")
