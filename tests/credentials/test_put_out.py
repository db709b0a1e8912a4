"""Who was put out here: a file for a name, as new as the last word on it."""

import os
from pathlib import Path

import pytest

from credentials.private_files import UnfitFileError
from credentials.put_out import file_name, put_out, put_out_in


def test_nobody_is_out_at_first(tmp_path: Path) -> None:
    assert put_out_in(tmp_path / "put-out") == {}


def test_names_have_files_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "put-out"
    put_out(folder, "ada")
    put_out(folder, "../../evil")
    assert set(put_out_in(folder)) == {file_name("ada"), file_name("../../evil")}
    assert [path.name for path in tmp_path.iterdir()] == ["put-out"]
    assert file_name("ada") != file_name("Ada")
    assert folder.stat().st_mode & 0o077 == 0


def test_a_second_word_is_newer(tmp_path: Path) -> None:
    put_out(tmp_path, "ada")
    os.utime(tmp_path / file_name("ada"), ns=(5, 5))
    assert put_out_in(tmp_path) == {file_name("ada"): 5}
    put_out(tmp_path, "ada")
    assert put_out_in(tmp_path)[file_name("ada")] > 5


def test_other_files_are_nobody(tmp_path: Path) -> None:
    (tmp_path / ".half-written").touch()
    assert put_out_in(tmp_path) == {}


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnfitFileError):
        put_out(tmp_path / "file" / "put-out", "ada")
    with pytest.raises(UnfitFileError):
        put_out_in(tmp_path / "file")
