"""Do the tests die when the code is broken? Each planted mistake, in a copy of the sources, and the test that finds it.

The short form only sees to it that each mistake can still be planted. ``make nightly`` plants them all.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.settings import inherited
from tests.bar import Figure
from tests.endurance.planted import MISTAKES, Mistake
from tests.requirements import scaled
from tests.source_tree import PACKAGES, ROOT

TESTS_FAILED = 1
"""pytest's exit code; an error in collecting, or no such test, is another one."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and tests, to be broken."""
    place = tmp_path_factory.mktemp("copy")
    for folder in (*PACKAGES, "tests", "docs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, place)
    return place


def run(place: Path, test: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
        cwd=place,
        env=inherited({"PYTHONPATH": str(place), "NEXUS_NIGHTLY": ""}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.bar(80)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_planted_mistake_is_found(mistake: Mistake, request: pytest.FixtureRequest, figure: Figure) -> None:
    sound = broken = (ROOT / mistake.file).read_text()
    for right, wrong in mistake.edits:
        assert broken.count(right) == 1, "the code has moved: plant it anew"
        broken = broken.replace(right, wrong)
    file, _, name = mistake.found_by.partition("::")
    assert name in (ROOT / file).read_text()
    if not scaled(0, 1):
        return
    place: Path = request.getfixturevalue("copied")
    (place / mistake.file).write_text(broken)
    try:
        ended = run(place, mistake.found_by)
    finally:
        (place / mistake.file).write_text(sound)
    figure(f"{mistake.name}: {ended.stdout.strip().splitlines()[-1]}")
    assert ended.returncode == TESTS_FAILED, ended.stdout[-2000:]
