"""The size budget: files and functions that fit on a screen or two, here and there a longer one, none beyond."""

from collections.abc import Callable

from tests.source_tree import FunctionNode, Source, own_tests, percentile, sources

MAX_FILE, P90_FILE = 400, 300
MAX_TEST_FILE = 600
MAX_FUNCTION, P90_FUNCTION = 50, 30
MAX_ANY_PER_KLOC = 2.0
MAX_IGNORES_PER_KLOC = 1.0


def length(function: FunctionNode) -> int:
    """Lines from ``def`` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def per_kloc(matches: Callable[[str], bool]) -> float:
    lines = [line for source in sources() for line in source.lines]
    return 1000 * sum(matches(line) for line in lines) / len(lines)


def too_long(files: tuple[Source, ...], limit: int) -> list[str]:
    return [f"{source.name}: {len(source.lines)} lines" for source in files if len(source.lines) > limit]


def test_no_file_is_too_long() -> None:
    assert too_long(sources(), MAX_FILE) == []
    assert too_long(own_tests(), MAX_TEST_FILE) == []


def test_nine_files_of_ten_are_much_shorter() -> None:
    sizes = [len(source.lines) for source in sources() if not source.is_init]
    assert percentile(sizes, 0.9) <= P90_FILE


def test_no_function_is_too_long() -> None:
    found = [
        f"{source.at(function)} {function.name}: {length(function)} lines"
        for source in sources()
        for function in source.functions()
        if length(function) > MAX_FUNCTION
    ]
    assert found == []


def test_nine_functions_of_ten_are_much_shorter() -> None:
    lengths = [length(function) for source in sources() for function in source.functions()]
    assert percentile(lengths, 0.9) <= P90_FUNCTION


def test_any_is_rare() -> None:
    assert per_kloc(lambda line: "Any" in line.replace("[", " ").replace("]", " ").split()) <= MAX_ANY_PER_KLOC


def test_types_are_rarely_ignored() -> None:
    assert per_kloc(lambda line: "# type: ignore" in line) <= MAX_IGNORES_PER_KLOC
