"""Whether, when and how the client asks again: the table of what was observed."""

import pytest

from ops.demo.client import Ending, Heard
from ops.demo.reading import Reading
from ops.demo.retrying import MAX_TRIES, Again, again


def heard(ending: Ending, status: int = 200, deltas: int = 0, stop: str | None = None, **headers: str) -> Heard:
    reading = Reading()
    reading.deltas, reading.stop_reason = deltas, stop
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Heard(ending, status, named, reading)


@pytest.mark.parametrize(
    ("what", "then"),
    [
        (heard("whole", stop="end_turn"), None),
        (heard("left"), None),
        (heard("error", 529), Again(0.6)),
        (heard("error", 429, retry_after="3"), Again(3.0)),
        (heard("error", 429), Again(0.6)),
        (heard("error", 429, retry_after="3", x_should_retry="true"), Again(3.0)),
        (heard("error", 429, retry_after="3", x_should_retry="false"), None),
        (heard("error", 500), Again(0.6, played=False)),
        (heard("error", 502), Again(0.6, played=False)),
        (heard("error", 401), Again(0.6, played=False)),
        (heard("error", 400), None),
        (heard("error", 404), None),
        (heard("error", 413), None),
        (heard("lost"), Again(0.6, played=False)),
        (heard("unreached", 0), Again(0.6, played=False)),
        (heard("broken", deltas=12), Again(whole=True)),
        (heard("broken", deltas=0), Again(0.6)),
        (heard("whole", stop="refusal"), Again(fallback=True)),
    ],
)
def test_after_the_first_attempt(what: Heard, then: Again | None) -> None:
    assert again(what, tried=1) == then


def test_pauses_grow_to_a_limit() -> None:
    waits = [decided.wait_s for tried in range(1, MAX_TRIES) if (decided := again(heard("lost"), tried))]
    assert waits[:3] == [0.6, 1.2, 2.4]
    assert max(waits) == waits[-1] == 8.0
    assert len(waits) == MAX_TRIES - 1


@pytest.mark.parametrize("ending", ["lost", "unreached", "broken", "error"])
def test_it_gives_up_after_ten_tries(ending: Ending) -> None:
    assert again(heard(ending, 529, deltas=1), MAX_TRIES - 1) is not None
    assert again(heard(ending, 529, deltas=1), MAX_TRIES) is None


def test_a_second_refusal_is_taken_for_an_answer() -> None:
    assert again(heard("whole", stop="refusal"), tried=2) is None
