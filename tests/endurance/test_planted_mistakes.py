"""Do the tests die when the code is broken? Each planted mistake, in a copy of the sources, and the test that finds it.

The short form only sees to it that each mistake can still be planted. ``make nightly`` plants them all.
"""

from pathlib import Path

import pytest

from tests.bar import Figure
from tests.endurance.planted import MISTAKES, Mistake
from tests.mutating import copied, run
from tests.requirements import scaled
from tests.source_tree import ROOT

TESTS_FAILED = 1
"""pytest's exit code; an error in collecting, or no such test, is another one."""


@pytest.fixture(scope="module")
def broken_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("copy"))


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
    place: Path = request.getfixturevalue("broken_copy")
    (place / mistake.file).write_text(broken)
    try:
        ended = run(place, [mistake.found_by])
    finally:
        (place / mistake.file).write_text(sound)
    figure(f"{mistake.name}: {ended.stdout.strip().splitlines()[-1]}")
    assert ended.returncode == TESTS_FAILED, ended.stdout[-2000:]
