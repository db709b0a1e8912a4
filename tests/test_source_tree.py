"""How the rules see the sources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.source_tree import PACKAGES, ROOT, Source, own_tests, percentile, sources

CODE = '''"""The docstring."""

FIELD = "value"
"""A note under the field."""


def outer(name):
    """Another docstring."""

    def inner():
        return f"hello {name}"

    return inner
'''


def test_docstrings_and_notes_are_no_strings_and_pieces_of_f_strings_are() -> None:
    source = Source(ROOT / "x.py", planted=CODE)
    assert [text.value for text in source.strings()] == ["value", "hello "]


def test_nested_functions_count() -> None:
    source = Source(ROOT / "x.py", planted=CODE)
    assert [function.name for function in source.functions()] == ["outer", "inner"]
    assert source.at(next(source.functions())) == "x.py:7"


def test_every_package_and_every_test_is_seen() -> None:
    folders = {source.name.partition("/")[0] for source in sources()}
    assert folders == {*PACKAGES, "run.py"}
    assert "tests/test_source_tree.py" in {source.name for source in own_tests()}


@given(st.lists(st.integers(0, 50), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    smaller = [value for value in values if value < found]
    assert len(smaller) < share * len(values) + 1e-6
    assert found in values


@pytest.mark.parametrize(("values", "expected"), [([], 0), ([7], 7), (list(range(1, 11)), 9)])
def test_percentiles_by_hand(values: list[int], expected: int) -> None:
    assert percentile(values, 0.9) == expected
