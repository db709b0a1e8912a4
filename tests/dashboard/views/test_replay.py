"""The browser gets an answer once, and then what came since."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.replay import ReplayView, message
from dashboard.views.replay_frames import Piece, PlayedBlock, Replay

blocks = st.lists(st.builds(PlayedBlock, st.just("text"), st.sampled_from(["a", "b"])), max_size=3).map(tuple)
pieces = st.lists(st.builds(Piece, st.floats(0, 9), st.integers(0, 2), st.sampled_from(["", "x"])), max_size=6).map(
    tuple
)
replays = st.builds(Replay, blocks, pieces, st.floats(0, 9), st.integers(0, 9))


def applied(text: str, before: Replay | None) -> Replay:
    """What the browser has then."""
    told = msgspec.json.decode(text)
    kept = Replay() if told["anew"] or before is None else before
    return Replay(
        (*kept.blocks, *(PlayedBlock(*one) for one in told["blocks"])),
        (*kept.pieces, *(Piece(*one) for one in told["pieces"])),
        told["lasted"],
        told["hidden"],
    )


@given(replays, st.none() | replays)
def test_whatever_the_browser_has_it_has_the_answer_then(replay: Replay, before: Replay | None) -> None:
    assert applied(message(replay, before), before) == replay


@given(replays, st.data())
def test_what_grew_costs_what_is_new(replay: Replay, data: st.DataObject) -> None:
    at, block = data.draw(st.integers(0, len(replay.pieces))), data.draw(st.integers(0, len(replay.blocks)))
    told = msgspec.json.decode(message(replay, Replay(replay.blocks[:block], replay.pieces[:at])))
    assert not told["anew"]
    assert (len(told["pieces"]), len(told["blocks"])) == (len(replay.pieces) - at, len(replay.blocks) - block)


ONE = Replay((PlayedBlock("text", "text"),), (Piece(1.5, 0, ""),), 2.0)
TWO = Replay(ONE.blocks, (*ONE.pieces, Piece(1.75, 0, "x")), 2.0)


class Browser:
    """A view, and what it sent."""

    def __init__(self) -> None:
        self.view: Any = ReplayView()
        self.messages: list[dict[str, Any]] = []
        self.view._send_msg = self.messages.append

    def taken(self) -> list[Any]:
        """(anew, number of pieces) of what came since."""
        told = [msgspec.json.decode(one["replay"]) for one in self.messages if one["kind"] == "pieces"]
        self.messages.clear()
        return [(one["anew"], len(one["pieces"])) for one in told]

    def ready(self) -> None:
        self.view._handle_msg({"kind": "ready"})


def test_nothing_is_sent_before_the_browser_is_ready_and_something_is_read() -> None:
    browser = Browser()
    browser.view.read(ONE)
    browser.view.paint()
    assert browser.taken() == []
    browser.ready()
    assert browser.taken() == [(True, 1)]
    other = Browser()
    other.ready()
    assert other.taken() == []


def test_only_what_is_new_is_sent_after_that() -> None:
    browser = Browser()
    browser.ready()
    for replay in (ONE, ONE, TWO, ONE):
        browser.view.read(replay)
        browser.view.paint()
    assert browser.taken() == [(True, 1), (False, 1), (True, 1)]


def test_a_browser_that_is_ready_again_gets_everything_again() -> None:
    browser = Browser()
    browser.view.read(TWO)
    browser.ready()
    browser.ready()
    assert browser.taken() == [(True, 2), (True, 2)]


@pytest.mark.parametrize("said", [None, {}, {"kind": "other"}, {"kind": "ready", "more": 1}, "ready"])
def test_other_messages_are_passed_over(said: object) -> None:
    browser = Browser()
    browser.view.read(ONE)
    browser.view._handle_msg(said)
    assert browser.taken() == []
