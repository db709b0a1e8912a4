"""The driver's types have one name for all read models."""

import ast
from pathlib import Path

import projections

ROOT = Path(projections.__file__).parent


def test_outside_the_read_models_nothing_names_the_driver() -> None:
    for path in ROOT.rglob("*.py"):
        if "read_models" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "asyncpg" not in names, path
            assert not (isinstance(node, ast.ImportFrom) and node.module == "asyncpg"), path
