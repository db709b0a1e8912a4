"""The rows of an answer are hashed and compared as they pass."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ops.checking.answers import AnswerReading
from ops.checking.invariants import StoredChunk
from ops.checking.spans import Stretch
from ops.db.compression import pack


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6))
def test_rows_come_to_the_answer(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    kept = Stretch(0, len(whole), hashlib.sha256(whole).digest())
    other = Stretch(0, len(whole), bytes(32))
    reading, offset = AnswerReading([kept, other], lambda at, data: whole[at : at + len(data)] != data), 0
    for piece in pieces:
        codec, data = pack(piece)
        reading.take(offset, int(codec), len(piece), data)
        offset += len(piece)
    assert reading.sha256 == hashlib.sha256(whole).hexdigest()
    assert sum(chunk.size for chunk in reading.chunks) == len(whole)
    assert len(reading.complaints) == 1
    assert not reading.differs


def test_the_client_is_asked_for_every_row() -> None:
    reading = AnswerReading([], lambda offset, _: offset == 1)
    for offset in range(3):
        reading.take(offset, 0, 1, b"x")
    assert reading.differs


def test_a_broken_row_is_noted_and_passed_over() -> None:
    reading = AnswerReading([], lambda *_: True)
    reading.take(3, 9, 1, b"x")
    assert reading.chunks == [StoredChunk(3, 1, "codec 9 is unknown")]
    assert not reading.differs
    assert reading.sha256 == hashlib.sha256(b"").hexdigest()
