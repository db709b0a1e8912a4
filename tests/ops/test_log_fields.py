"""Lines are short, escaped and hold only what is known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from ops.log_fields import KNOWN, MAX_LINE_BYTES, known, line_of, plain, trace

ANYTHING = st.text(max_size=50) | st.integers(-(2**60), 2**60) | st.booleans() | st.none() | st.binary(max_size=20)


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), ANYTHING, max_size=20), st.integers(1, 2000))
def test_a_line_is_one_line_of_ascii_within_its_bound(fields: dict[str, object], times: int) -> None:
    grown = {name: value * times if isinstance(value, str) else value for name, value in fields.items()}
    line = line_of(grown, 256)
    assert len(line) <= MAX_LINE_BYTES - 256
    assert line.isascii()
    assert all(byte >= 0x20 for byte in line)
    assert set(json.loads(line)) == set(fields)


def test_short_values_stay_as_they_are_and_long_ones_say_how_long_they_were() -> None:
    fields = json.loads(line_of({"error": "a" * 5000, "exception": "b" * 5000 + "end", "count": 3, "kept": None}))
    assert fields["error"].endswith("a… (5000 characters)")
    assert fields["exception"].startswith("(5003 characters) …b")
    assert fields["exception"].endswith("end")
    assert (fields["count"], fields["kept"]) == (3, None)


def test_what_is_not_known_is_left_out_and_counted() -> None:
    assert known({"error": "x", "body": "y", "path": "z"}, KNOWN) == {"error": "x", "left_out": 2}
    assert known({"error": "x"}, KNOWN) == {"error": "x"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü", "plain ü"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202eabc", "\\u202eabc"),
        ("x" * 600, "x" * 500 + "…"),
    ],
)
def test_a_terminal_gets_nothing_to_obey(text: str, shown: str) -> None:
    assert plain(text) == shown


def raised(error: Exception) -> Exception:
    try:
        raise error
    except ValueError as caught:
        return caught


def test_a_trace_says_where_and_only_on_request_what() -> None:
    error = raised(ValueError("payload"))
    silent = trace(error, error.__traceback__, with_words=False)
    assert "in raised" in silent
    assert silent.endswith("\nValueError")
    assert trace(error, error.__traceback__, with_words=True).endswith("\nValueError: payload")
    assert trace(SetupError("Mend it."), None, with_words=False) == "SetupError: Mend it."
