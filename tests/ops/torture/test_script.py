"""Upstream's script: computed from the body alone, whole, and never the same for two requests."""

import gzip
import subprocess
import sys
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ops.torture.asking import body_of
from ops.torture.script import Answer, answer_to, dice, digest

BODIES = [body_of(1, client, question) for client in range(20) for question in range(20)]
ANSWERS = [answer_to(body) for body in BODIES]


def plain(answer: Answer) -> bytes:
    return gzip.decompress(answer.body) if ("content-encoding", "gzip") in answer.headers else answer.body


@given(st.binary(max_size=200))
def test_the_same_body_gets_the_same_answer(body: bytes) -> None:
    assert answer_to(body) == answer_to(body)
    assert dice(body, "x").random() == dice(body, "x").random()


def test_another_process_computes_the_same() -> None:
    """The upstream stand-in and the clients need not share anything."""
    code = (
        "from ops.torture.asking import body_of; from ops.torture.script import *; print(digest(answer_to("
        "body_of(1,0,0)).body))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == digest(ANSWERS[0].body)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_chance_depends_on_the_body(one: bytes, other: bytes) -> None:
    if one != other:
        assert dice(one, "x").getrandbits(64) != dice(other, "x").getrandbits(64)


def test_no_piece_is_empty_and_together_they_are_the_body() -> None:
    for answer in ANSWERS:
        assert all(answer.pieces)
        assert b"".join(answer.pieces) == answer.body
        assert len(answer.pieces) <= 64


def test_every_kind_comes() -> None:
    statuses = Counter(answer.status for answer in ANSWERS)
    assert set(statuses) == {200, 429, 529}
    assert statuses[200] > statuses[429] + statuses[529]
    heads = [dict(one.headers) for one in ANSWERS]
    kinds = {(head["content-type"].split(";")[0], "content-encoding" in head) for head in heads}
    assert kinds == {(kind, zipped) for kind in ("text/event-stream", "application/json") for zipped in (False, True)}
    assert {answer.framing for answer in ANSWERS} == {"chunked", "length"}
    assert any(1 in map(len, answer.pieces) for answer in ANSWERS), "single bytes"


def test_letters_are_split_between_pieces() -> None:
    assert any(broken(piece) for answer in ANSWERS if plain(answer) == answer.body for piece in answer.pieces)


def broken(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return True
    return False


def test_streams_are_whole_messages() -> None:
    for answer in ANSWERS:
        if dict(answer.headers)["content-type"].startswith("text/event-stream"):
            assert plain(answer).startswith(b"event: message_start")
            assert plain(answer).endswith(b'{"type":"message_stop"}\n\n')
