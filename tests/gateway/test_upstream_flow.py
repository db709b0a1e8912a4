"""A sink hears every byte once, in order, and the end last; in a pause and after a close it hears nothing."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream import UpstreamError
from gateway.upstream_flow import Flow

LOST = UpstreamError("upstream", "lost")


@dataclass
class Sink:
    """Writes down what it hears. After ``takes`` pieces it has had enough for now."""

    flow: Flow
    takes: int = 1000
    heard: list[bytes | str | UpstreamError] = field(default_factory=list)

    def received(self, data: bytes) -> None:
        self.heard.append(data)
        self.takes -= 1
        if self.takes == 0:
            self.flow.pause()

    def ended(self) -> None:
        self.heard.append("end")

    def failed(self, error: UpstreamError) -> None:
        self.heard.append(error)


def test_what_came_before_there_was_a_sink_comes_first() -> None:
    flow = Flow()
    sink = Sink(flow)
    flow.push(b"a")
    flow.push(b"b")
    flow.flow(sink)
    flow.push(b"c")
    flow.end()
    assert sink.heard == [b"a", b"b", b"c", "end"]


def test_a_failure_comes_after_what_came_before_it() -> None:
    flow = Flow()
    sink = Sink(flow)
    flow.push(b"a")
    flow.end(LOST)
    flow.flow(sink)
    assert sink.heard == [b"a", LOST]


def test_a_sink_that_pauses_hears_nothing_until_it_goes_on() -> None:
    flow = Flow()
    sink = Sink(flow, takes=1)
    flow.flow(sink)
    for data in (b"a", b"b"):
        flow.push(data)
    flow.end()
    assert sink.heard == [b"a"]
    sink.takes = 1
    flow.resume()
    assert sink.heard == [b"a", b"b"], "it paused again before the end"
    flow.resume()
    flow.resume()
    assert sink.heard == [b"a", b"b", "end"]


def test_a_closed_flow_says_nothing_and_keeps_nothing() -> None:
    flow = Flow()
    sink = Sink(flow)
    flow.push(b"a")
    flow.close()
    flow.flow(sink)
    flow.push(b"b")
    flow.end()
    flow.resume()
    assert sink.heard == []
    assert not flow._held


data = st.lists(st.sampled_from([b"x", b"yy", b"zzz"]), max_size=8)
steps = st.lists(st.sampled_from([b"x", b"yy", "pause", "resume"]), max_size=20)


@given(data, steps, st.integers(1, 5))
def test_whenever_it_pauses_the_sink_hears_all_in_order(before: list[bytes], after: list[bytes | str], n: int) -> None:
    flow = Flow()
    sink = Sink(flow, n)
    for piece in before:
        flow.push(piece)
    flow.flow(sink)
    for step in after:
        if isinstance(step, bytes):
            flow.push(step)
        elif step == "pause":
            flow.pause()
        else:
            flow.resume()
    flow.end()
    while "end" not in sink.heard:
        sink.takes = n
        flow.resume()
    assert sink.heard == [*before, *(step for step in after if isinstance(step, bytes)), "end"]
