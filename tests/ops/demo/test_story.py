"""The words of a story: what each call asks, and what its tool says."""

import pytest

from ops.demo.answers import Fails
from ops.demo.story import (
    BreaksOff,
    Call,
    Step,
    bash,
    edit,
    grep,
    overloaded,
    plain,
    rate_limited,
    read,
    see,
    step,
    todos,
    write,
)


def test_plain_is_the_text_without_the_sources_indentation() -> None:
    assert plain("\n    a\n      b\n    c\n") == "a\n  b\nc"
    assert plain("one line") == "one line"


def test_bash_says_whether_it_failed() -> None:
    fine, broken = bash("ls -l | head", "a\nb"), bash("false", "no", exit_code=3)
    assert (fine.result, fine.failed) == ("a\nb", False)
    assert fine.input == {"command": "ls -l | head", "description": "ls -l"}
    assert (broken.result, broken.failed) == ("Exit code 3\nno", True)


def test_read_numbers_its_lines_and_says_nothing_of_failure() -> None:
    whole, part = read("/a.py", "one\ntwo"), read("/a.py", "x\ny", first_line=40)
    assert (whole.result, whole.failed, whole.input) == ("1\tone\n2\ttwo", None, {"file_path": "/a.py"})
    assert (part.result, part.input) == ("40\tx\n41\ty", {"file_path": "/a.py", "offset": 40, "limit": 2})


def test_edit_and_write_say_what_changes() -> None:
    changed = edit("/a.py", "  old", "  new")
    assert changed.input == {"file_path": "/a.py", "old_string": "old", "new_string": "new", "replace_all": False}
    assert "/a.py" in str(changed.result)
    assert write("/b.py", "\n    x\n").input == {"file_path": "/b.py", "content": "x"}


def test_the_other_tools() -> None:
    assert grep("a|b", "/src", "1:a").input["pattern"] == "a|b"
    listed = todos(("Mend", "pending")).input["todos"]
    assert listed == [{"content": "Mend", "status": "pending", "activeForm": "Mend"}]
    assert see("/a.png", b"\x89PNG") == Call("Read", {"file_path": "/a.png"}, b"\x89PNG", takes_s=0.4)


def test_a_step_is_what_is_said_and_what_goes_wrong_before() -> None:
    assert step("a", "b") == Step(("a", "b"))
    troubled = step("a", pause_s=2.0, troubles=(overloaded(), BreaksOff(3)), forgets=True, interrupted_after=4)
    assert (troubled.pause_s, troubled.forgets, troubled.interrupted_after) == (2.0, True, 4)
    assert troubled.troubles == (overloaded(), BreaksOff(3))


@pytest.mark.parametrize(("fails", "status"), [(overloaded(), 529), (rate_limited(3), 429)])
def test_bad_weather_has_the_apis_errors(fails: Fails, status: int) -> None:
    assert fails.status == status
    assert fails.kind in {"overloaded_error", "rate_limit_error"}


def test_a_rate_limit_says_when_to_come_back() -> None:
    assert rate_limited(3).headers["retry-after"] == "3"
