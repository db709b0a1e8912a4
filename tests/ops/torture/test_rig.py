"""The rig: where its things lie. That it stands is shown by the tests of tests/endurance."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ops.home import Home
from ops.torture import rig as rig_module
from ops.torture.disk import can_mount
from ops.torture.rig import Rig, rigged


def test_everything_lies_in_its_folder(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert {path.parent for path in (rig.home, rig.recordings)} == {tmp_path}
    assert rig.home != rig.recordings


@pytest.mark.skipif(not can_mount(), reason="only root may mount, on Linux")
async def test_the_journals_get_a_disk_of_their_own_when_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path, disk_mb=1)
    async with AsyncExitStack() as stack:
        disk = rig_module._disk(rig, stack)
        assert disk is not None
        assert disk.folder == Home(rig.home).journals
        assert disk.folder.is_mount()
    assert not disk.folder.is_mount()
    async with AsyncExitStack() as stack:
        assert rig_module._disk(Rig(tmp_path), stack) is None


def test_the_shim_is_made_when_asked_and_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rig_module._shim(Rig(tmp_path, shim=False)) is None
    monkeypatch.setattr(rig_module, "compiler", lambda: None)
    assert rig_module._shim(Rig(tmp_path)) is None


async def test_what_was_set_up_goes_when_the_rest_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rig_module, "database", fails)
    with pytest.raises(ZeroDivisionError):
        async with rigged(Rig(tmp_path)):
            raise AssertionError
