"""What clients and upstream saw comes back as it was written, also after a writer was killed in a line."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import SetupError
from ops.checking.recordings import ClientSaw, Recordings, RecordingWriter, UpstreamSaw

SAW = ClientSaw(
    request_id=UUID(int=7),
    body_sha256="a" * 64,
    body_bytes=3,
    status=200,
    whole=True,
    gone=False,
    failed="",
    faithful=True,
    sent_ns=1,
    ended_ns=2,
)
UPSTREAM = UpstreamSaw(
    body_sha256="a" * 64, body_bytes=3, answer_sha256="b" * 64, answer_bytes=5, ended="whole", at_ns=9
)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.none() | st.uuids(), st.binary(max_size=300), st.text(max_size=20), st.booleans()), max_size=12
    )
)
def test_what_was_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[UUID | None, bytes, str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("seen")
    writer = RecordingWriter(folder / "new")
    told = [replace(SAW, request_id=one, failed=failed, gone=gone) for one, _, failed, gone in seen]
    for saw, (_, answer, _, _) in zip(told, seen, strict=True):
        writer.client(saw, answer)
        writer.upstream(UPSTREAM)
    writer.close()
    if not seen:
        return
    read = Recordings.read(folder / "new")
    assert [replace(saw, at=0, size=0) for saw in read.clients] == told
    assert [read.answer(saw) for saw in read.clients] == [answer for _, answer, _, _ in seen]
    assert read.upstream == (UPSTREAM,) * len(seen)


def test_a_later_writer_goes_on_behind_the_earlier(tmp_path: Path) -> None:
    for answer in (b"first", b"second"):
        writer = RecordingWriter(tmp_path)
        writer.client(SAW, answer)
        writer.close()
    read = Recordings.read(tmp_path)
    assert [read.answer(saw) for saw in read.clients] == [b"first", b"second"]


def test_each_line_is_on_its_way_at_once(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    writer.client(SAW, b"now")
    (saw,) = Recordings.read(tmp_path).clients
    assert Recordings.read(tmp_path).answer(saw) == b"now"
    writer.close()


def test_two_processes_may_write_a_file_each(tmp_path: Path) -> None:
    clients, upstream = RecordingWriter(tmp_path), RecordingWriter(tmp_path)
    clients.client(SAW, b"")
    upstream.upstream(UPSTREAM)
    read = Recordings.read(tmp_path)
    assert len(read.clients) == len(read.upstream) == 1
    clients.close()
    upstream.close()


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path)
    writer.upstream(UPSTREAM)
    writer.close()
    with (tmp_path / "upstream.jsonl").open("ab") as file:
        file.write(b'{"body_sha256":"c')
    assert Recordings.read(tmp_path).upstream == (UPSTREAM,)


def test_an_answer_of_no_bytes_needs_no_file(tmp_path: Path) -> None:
    assert Recordings(tmp_path, (), ()).answer(SAW) == b""


def test_what_is_no_recording_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="There is no folder of recordings"):
        Recordings.read(tmp_path / "nowhere")
    with pytest.raises(SetupError, match="cannot be read"):
        Recordings(tmp_path, (), ()).answer(replace(SAW, size=1))
    (tmp_path / "answers.bin").write_bytes(b"")
    with pytest.raises(SetupError, match="shorter than"):
        Recordings(tmp_path, (), ()).answer(replace(SAW, size=1))
    (tmp_path / "clients.jsonl").write_text("{}\n")
    with pytest.raises(SetupError, match="is no recording"):
        Recordings.read(tmp_path)
