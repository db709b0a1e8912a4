"""How many small mistakes do the tests of a module find? Mutants of it, one after the other, in a copy of the sources.

python -m tests.mutating gateway/frames.py gateway/batching.py [--count 40] [--seed 1] [--also tests/e2e/test_x.py]

Each module is tried with its own test file, and with those of ``--also``. Survivors are shown: what is
equivalent to the original, or a test that is missing.
"""

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.settings import inherited
from tests.source_tree import PACKAGES, ROOT

TIME_S = 180
"""A mutant that runs longer never ends, which is found out."""
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module with one small mistake."""

    line: int
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module: swapped operators, other numbers, dropped negations, calls and returned values."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            mutated = copy.deepcopy(tree)
            place = next(one for at, one in enumerate(ast.walk(mutated)) if at == number)
            what = change(place)
            yield Mutant(getattr(node, "lineno", 0), what, ast.unparse(ast.fix_missing_locations(mutated)))


def _changes(node: ast.AST) -> Iterator[Callable[[ast.AST], str]]:
    """Each changes the same node of a copy and says what it did."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _SWAPPED:
            yield _swap_comparison
        case ast.BoolOp() | ast.BinOp() if type(node.op) in _SWAPPED:
            yield _swap_operator
        case ast.Constant(value=int()):
            yield _other_constant
        case ast.UnaryOp(op=ast.Not()):
            yield _no_negation
        case ast.Return(value=ast.expr()):
            yield _return_nothing
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield _drop_call


def _swap_comparison(node: ast.AST) -> str:
    assert isinstance(node, ast.Compare)
    before = ast.unparse(node)
    swapped = _SWAPPED[type(node.ops[0])]()
    assert isinstance(swapped, ast.cmpop)
    node.ops = [swapped]
    return f"{before}  =>  {ast.unparse(node)}"


def _swap_operator(node: ast.AST) -> str:
    assert isinstance(node, ast.BoolOp | ast.BinOp)
    before = ast.unparse(node)
    node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]  # of the same kind
    return f"{before}  =>  {ast.unparse(node)}"


def _other_constant(node: ast.AST) -> str:
    assert isinstance(node, ast.Constant)
    before = node.value
    assert isinstance(before, int)
    node.value = (not before) if isinstance(before, bool) else before + 1
    return f"{before}  =>  {node.value}"


def _no_negation(node: ast.AST) -> str:
    assert isinstance(node, ast.UnaryOp)
    before = ast.unparse(node)
    node.operand = ast.UnaryOp(ast.Not(), ast.Call(ast.Name("bool", ast.Load()), [node.operand], []))
    return f"{before}  =>  {ast.unparse(node)}"


def _return_nothing(node: ast.AST) -> str:
    assert isinstance(node, ast.Return)
    before = ast.unparse(node)
    node.value = None
    return f"{before}  =>  return"


def _drop_call(node: ast.AST) -> str:
    assert isinstance(node, ast.Expr)
    before = ast.unparse(node)
    node.value = ast.Constant(None)
    return f"{before}  =>  nothing"


def copied(place: Path) -> Path:
    """The sources and tests of this project, to be broken."""
    for folder in (*PACKAGES, "tests", "docs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, place)
    return place


def run(place: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """pytest in a copy, until the first failure. Raises TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=place,
        env=inherited({"PYTHONPATH": str(place), "NEXUS_NIGHTLY": ""}),
        capture_output=True,
        text=True,
        timeout=TIME_S,
        check=False,
    )


def is_found(place: Path, module: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    sound = (place / module).read_text()
    (place / module).write_text(mutant.source)
    try:
        return run(place, tests).returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        (place / module).write_text(sound)


def main(words: Sequence[str]) -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("modules", nargs="+")
    arguments.add_argument("--count", type=int, default=40, help="so many of each module, chosen by the seed")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--also", nargs="*", default=[], help="further test files")
    told = arguments.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="nexus-mutants-") as folder:
        place = copied(Path(folder))
        for module in told.modules:
            own = Path("tests") / Path(module).with_name(f"test_{Path(module).name}")
            every = list(mutants((ROOT / module).read_text()))
            chosen = random.Random(told.seed).sample(every, min(told.count, len(every)))
            survivors = [one for one in chosen if not is_found(place, module, one, [str(own), *told.also])]
            found = len(chosen) - len(survivors)
            print(f"{module}: {found} of {len(chosen)} found ({found / len(chosen):.0%}), {len(every)} there are")
            for one in sorted(survivors, key=lambda one: one.line):
                print(f"    line {one.line}: {one.what}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
