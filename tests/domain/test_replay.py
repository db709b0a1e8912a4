"""Chunks come back as they came."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.replay import TimedChunk, chunks_of
from schemas.stored.events import ChunkStreamed

pieces = st.lists(st.tuples(st.integers(0, 10**9), st.binary(min_size=1, max_size=5)), max_size=5)
recordings = st.lists(st.tuples(st.integers(0, 9), pieces), max_size=5)


@given(recordings, st.randoms(use_true_random=False))
def test_every_chunk_has_its_bytes_place_and_moment(
    recording: list[tuple[int, list[tuple[int, bytes]]]], random: object
) -> None:
    runs, expected, offset = list[ChunkStreamed](), list[TimedChunk](), 0
    for version, (hole, chunks) in enumerate(recording, start=1):
        offset += hole
        run = {
            "originator_id": UUID(int=1),
            "originator_version": version,
            "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
        }
        lengths, arrivals = tuple(len(data) for _, data in chunks), tuple(at for at, _ in chunks)
        runs.append(
            ChunkStreamed.model_validate({**run, "offset": offset, "lengths": lengths, "arrivals_us": arrivals})
        )
        for at, data in chunks:
            expected.append(TimedChunk(offset, at, data))
            offset += len(data)
    answer = b"".join(chunk.data for chunk in expected)
    if all(chunks for _, chunks in recording):
        random.shuffle(runs)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    assert list(chunks_of(runs, answer)) == expected
