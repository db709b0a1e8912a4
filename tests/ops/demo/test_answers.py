"""The script: an answer belongs to the very bytes of a request."""

import pytest

from ops.demo.answers import Fails, Says, Script
from ops.demo.blocks import Text

YES = Says((Text("yes"),))
NO = Fails(429, "rate_limit_error", "no")


def test_only_the_very_same_bytes_get_the_answer() -> None:
    script = Script()
    with script.expecting(b'{"a":1}', YES):
        assert script.answer_to(b'{"a":1}') is YES
        assert script.answer_to(b'{"a": 1}') is None


def test_it_is_given_as_often_as_it_is_asked_for_and_then_forgotten() -> None:
    script = Script()
    with script.expecting(b"x", YES):
        assert [script.answer_to(b"x") for _ in range(3)] == [YES] * 3
    assert script.answer_to(b"x") is None


def test_requests_do_not_disturb_one_another() -> None:
    script = Script()
    with script.expecting(b"x", YES):
        with script.expecting(b"y", NO):
            assert (script.answer_to(b"x"), script.answer_to(b"y")) == (YES, NO)
        assert (script.answer_to(b"x"), script.answer_to(b"y")) == (YES, None)


def test_a_request_that_failed_is_forgotten_too() -> None:
    script = Script()
    with pytest.raises(OSError, match="gone"), script.expecting(b"x", YES):
        raise OSError("gone")
    assert script.answer_to(b"x") is None
