"""The project's own sources, for the tests that keep its rules: files, syntax trees, functions, strings."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "schemas", "credentials", "gateway", "projections", "dashboard", "ops")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    planted: str | None = None
    """For the tests of the rules: what stands in the file, if it did exist."""

    @property
    def name(self) -> str:
        """Relative to the root, with slashes: how a failure names it."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8") if self.planted is None else self.planted

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def is_init(self) -> bool:
        return self.path.name == "__init__.py"

    def functions(self) -> Iterator[FunctionNode]:
        """Every function, also nested ones and methods."""
        return (node for node in ast.walk(self.tree) if isinstance(node, FunctionNode))

    def strings(self) -> Iterator[ast.Constant]:
        """Every string that is no docstring and no note under a field, also the pieces of f-strings."""
        notes = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
                yield node

    def at(self, node: ast.AST) -> str:
        """Where it is: ``file:line``."""
        return f"{self.name}:{getattr(node, 'lineno', 1)}"


@cache
def sources() -> tuple[Source, ...]:
    """What is shipped: the packages, and ``run.py``."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(Source(path) for path in [*files, ROOT / "run.py"])


@cache
def own_tests() -> tuple[Source, ...]:
    """What stands under ``tests``."""
    return tuple(Source(path) for path in sorted((ROOT / "tests").rglob("*.py")))


def percentile(values: list[int], share: float) -> int:
    """The smallest value that at least this share of all does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)] if ordered else 0
