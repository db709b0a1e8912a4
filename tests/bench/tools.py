"""Where do tests get the bench's programs from? Compiled once a session, or skipped where there is no compiler."""

import shutil
from pathlib import Path

import pytest

from tests.bench.programs import build
from tests.requirements import missing


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``load`` and ``upstream``."""
    if not shutil.which("cc"):
        missing("A C compiler", "apt install gcc libc6-dev", required_by="NEXUS_REQUIRE_COMPILER")
    folder = tmp_path_factory.mktemp("tools")
    for name in ("load", "upstream"):
        build(name, folder)
    return folder
