"""Log files: private, small, and no reason to fail."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.log_files import bound, last_line, older, open_log, size_of


def test_it_is_appended_to_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    for text in (b"one\n", b"two\n"):
        with open_log(path) as log:
            log.write(text)
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_too_large_is_moved_away_under_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    with open_log(path) as log:
        log.write(b"x" * 100)
        bound(path, limit=100)
        assert path.stat().st_size == 100, "not too large yet"
        log.write(b"y")
        bound(path, limit=100)
        log.write(b"after")
    assert path.read_bytes() == b"after"
    assert older(path).read_bytes() == b"x" * 100 + b"y"


def test_a_log_that_cannot_be_opened_is_none(tmp_path: Path) -> None:
    with open_log(tmp_path / "no folder" / "gateway.log") as log:
        log.write(b"lost")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_moved_is_left(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_bytes(b"x" * 10)
    older(path).mkdir()
    bound(path, limit=5)
    assert path.read_bytes() == b"x" * 10
    bound(tmp_path / "missing", limit=5)


@given(st.lists(st.text(alphabet="ab \t", max_size=5), max_size=6))
def test_the_last_line_is_the_last_one_with_something_in_it(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_text("\n".join(lines))
        expected = [line.strip() for line in lines if line.strip()]
        assert last_line(path) == (expected[-1] if expected else "")


@pytest.mark.parametrize("content", [b"x" * 20_000 + b"\nend\n", b"\xff\xfe\nend"])
def test_the_last_line_of_a_long_or_broken_file_is_found(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    assert last_line(tmp_path / "log") == "end"


def test_a_missing_file_has_no_last_line(tmp_path: Path) -> None:
    assert last_line(tmp_path / "log") == ""
    assert size_of(tmp_path / "log") == 0


def test_a_line_of_somebody_before_is_not_the_last_one_since(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("his last words\n")
    since = size_of(path)
    assert last_line(path, since) == ""
    with path.open("a") as log:
        log.write("mine\n")
    assert last_line(path, since) == "mine"
    path.write_text("new\n")
    assert last_line(path, since) == "new", "the file was moved away since"
