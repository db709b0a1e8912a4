"""A small disk that fills up and is free again, and is gone afterwards."""

import errno
import os
import sys
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.torture.disk import can_mount, small_disk

needs_root = pytest.mark.skipif(not can_mount(), reason="only root may mount, on Linux")


@needs_root
def test_it_fills_up_and_is_free_again(tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    with small_disk(folder, 1) as disk:
        (folder / "before").write_bytes(b"x")
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (folder / "during").write_bytes(bytes(10_000))
        assert (folder / "before").read_bytes() == b"x"
        disk.free()
        disk.free()
        (folder / "after").write_bytes(bytes(10_000))
    assert list(folder.iterdir()) == []


@needs_root
def test_it_is_gone_after_an_error_even_with_open_files(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), small_disk(tmp_path, 1), (tmp_path / "open").open("wb"):
        raise ZeroDivisionError
    assert not tmp_path.is_mount()


@needs_root
def test_what_cannot_be_mounted_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="leave out the fault disk"), small_disk(tmp_path, -1):
        raise AssertionError


def test_without_the_program_it_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "no such program")

    monkeypatch.setattr("ops.torture.disk.subprocess.run", gone)
    with pytest.raises(SetupError, match="mount does not work here"), small_disk(tmp_path, 1):
        raise AssertionError


def test_only_root_on_linux_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not can_mount()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not can_mount()
