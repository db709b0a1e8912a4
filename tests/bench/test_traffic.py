"""The requests have the sizes they promise, and what must be a script's own is."""

import json

from tests import captures
from tests.bench import traffic
from tests.bench.load import MARKER
from tests.bench.programs import FOLDER
from tests.bench.traffic import Library


def test_the_bodies_have_the_promised_sizes() -> None:
    assert 2_000 < len(traffic.small_body()) < 3_000
    assert 780_000 < len(traffic.large_body()) < 820_000
    assert len(json.loads(traffic.large_body())["messages"]) == 399


def test_a_session_of_200_turns_is_100_mb() -> None:
    script = traffic.session(200, traffic.GROWTH, Library.of_this_project())
    assert 98e6 < sum(len(one.raw) for one in script) < 102e6
    last = json.loads(script[-1].raw.partition(b"\r\n\r\n")[2])
    assert len(last["messages"]) == 399


def test_the_library_never_repeats_within_its_length() -> None:
    library = Library("abcdefgh")
    assert [library.read(3), library.read(3), library.read(3)] == ["abc", "def", "abc"]


def test_history_holds_what_the_upstream_answers() -> None:
    assert f'"{traffic.ANSWER_TEXT}"' in (FOLDER / "answer.h").read_text()


def test_a_capture_is_in_a_scope_of_its_own_each_time() -> None:
    scripts, canned = traffic.capture_scripts()
    assert len(scripts) == len(captures.names())
    assert sum(map(len, scripts)) == len(canned)
    for script in scripts:
        for one in script:
            assert MARKER.encode() in one.raw.partition(b"\r\n\r\n")[0].partition(b"\r\n")[2]


def test_ids_keep_their_shape() -> None:
    text = b'"session_id":"ee7aa56d-0d1e-44ac-854f-496bb06b7275","device":"' + b"a" * 64 + b'"'
    made = traffic.own_ids(text)
    assert len(made) == len(text)
    assert made.count(MARKER.encode()) == 2
    assert traffic.own_ids(b"no ids here") == b"no ids here"
