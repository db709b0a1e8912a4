"""The layout: the owner's folders, a test for every module, a question at its head, nothing in an ``__init__``."""

import ast

from tests.source_tree import PACKAGES, ROOT, Source, own_tests, sources

FOLDERS = {*PACKAGES, "tests", "docs"}
FILES = {
    ".env.example", ".gitignore", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile",
    "README.md", "constraints.txt", "pyproject.toml", "run.py",
}  # fmt: skip
MADE_BY_TOOLS = {"build", "dist", "node_modules", "uv.lock", "coverage.json", ".coverage", ".env", "htmlcov"}
BESIDE_THE_MIRROR = {"contracts", "golden", "e2e", "bench", "forest", "door", "endurance"}
COMMANDS = ("run.py", "ops/commands/", "ops/demo/")
"""They say what a command is for."""
MIN_TEST_RATIO = 1.2


def test_the_folders_are_the_owners() -> None:
    found = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {name for name in found - MADE_BY_TOOLS if not name.endswith(".egg-info")} == FOLDERS


def test_the_files_beside_them_are_the_known_ones() -> None:
    found = {path.name for path in ROOT.iterdir() if path.is_file()} - MADE_BY_TOOLS
    assert found == FILES
    assert (ROOT / ".ci" / "run").is_file()


def test_every_module_has_its_test() -> None:
    modules = [source.path.relative_to(ROOT) for source in sources() if not source.is_init]
    twins = {module.as_posix(): ROOT / "tests" / module.with_name(f"test_{module.name}") for module in modules}
    assert [module for module, twin in twins.items() if not twin.is_file()] == []


def test_every_test_folder_mirrors_a_source_folder() -> None:
    known = {source.path.parent.relative_to(ROOT) for source in sources()}
    found = {source.path.parent.relative_to(ROOT / "tests") for source in own_tests()}
    assert {folder for folder in found - known if folder.parts[0] not in BESIDE_THE_MIRROR} == set()


def test_the_first_line_is_a_docstring() -> None:
    assert [source.name for source in [*sources(), *own_tests()] if not begins_with_a_docstring(source)] == []


def begins_with_a_docstring(source: Source) -> bool:
    """And it says something on that very line."""
    first = source.lines[1] if source.lines[:1] and source.lines[0].startswith("#!") else (source.lines or [""])[0]
    return bool(ast.get_docstring(source.tree)) and first.startswith('"""') and len(first.strip('"')) > 3


def test_a_module_says_which_question_it_answers() -> None:
    modules = [source for source in sources() if not source.is_init and not source.name.startswith(COMMANDS)]
    assert [
        source.name for source in modules if "?" not in (ast.get_docstring(source.tree) or "").split("\n\n")[0]
    ] == []


def test_no_code_hides_in_an_init() -> None:
    full = [source.name for source in sources() if source.is_init and len(source.tree.body) > 1]
    assert full == []


def test_tests_are_no_package() -> None:
    assert [source.name for source in own_tests() if source.is_init] == []


def test_there_is_more_test_than_source() -> None:
    source_lines = sum(len(source.lines) for source in sources())
    test_lines = sum(len(test.lines) for test in own_tests())
    assert test_lines / source_lines >= MIN_TEST_RATIO, f"{test_lines} : {source_lines}"
