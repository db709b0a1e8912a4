"""A socket can be made for any home, and only its owner can reach it."""

import socket
import stat
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.home import prepare
from ops.sockets import socket_path


@pytest.mark.parametrize("depth", [1, 12])
def test_a_socket_can_be_made_however_long_the_path_of_the_home(tmp_path: Path, depth: int) -> None:
    home = prepare(tmp_path.joinpath(*["a-long-folder"] * depth))
    path = socket_path(home, "panel.sock")
    assert path == socket_path(home, "panel.sock")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent == home.run) == (depth == 1)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    path.unlink()


def test_homes_do_not_share_a_folder(tmp_path: Path) -> None:
    homes = [prepare(tmp_path.joinpath(name, *["a-long-folder"] * 12)) for name in ("one", "two")]
    assert len({socket_path(home, "panel.sock") for home in homes}) == 2


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    home = prepare(tmp_path.joinpath(*["a-long-folder"] * 12))
    folder = socket_path(home, "panel.sock").parent
    folder.chmod(0o755)
    with pytest.raises(SetupError, match="not a private folder"):
        socket_path(home, "panel.sock")
    folder.rmdir()
