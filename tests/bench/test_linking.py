"""The benchmark of linking still runs, on next to nothing, and reports what it promises; its figures mean nothing."""

import re

import pytest

from tests.bench import linking


async def test_it_runs_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    await linking.main(["--turns", "8", "--stores", "50,100", "--sessions", "1"])
    printed = capsys.readouterr().out
    for words in (
        r"session length .* ratio [\d.]+",
        r"store size +100 requests: .* buffers [\d.]+",
        r"rebuild +\d+ events",
    ):
        assert re.search(words, printed)
