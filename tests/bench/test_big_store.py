"""The benchmark of a large store still runs, on next to nothing, and reports what it promises."""

import re

import pytest

from tests.bench import big_store


async def test_it_runs_and_reports(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(big_store, "SMALL", 200)
    monkeypatch.setattr(big_store, "TURNS", 2)
    await big_store.main(["--events", "400"])
    printed = capsys.readouterr().out
    for words in (r"append a turn +[1-9]\d* +[1-9]\d* +[\d.]+", r"link a turn +[1-9]", r"page of requests +[1-9]"):
        assert re.search(words, printed), printed
