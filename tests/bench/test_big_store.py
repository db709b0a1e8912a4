"""The benchmark of a large store still runs, on next to nothing, and reports what it promises."""

import re

import pytest

from ops.db.embedded import EmbeddedPostgres
from tests.bench import big_store, growth


async def test_it_runs_and_reports(
    postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in ((big_store, "SMALL", (200,)), (big_store, "TURNS", 2), (big_store, "MONTHS", 1)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(growth, "MONTHS", 1)
    await big_store.report(postgres_server, 400)
    printed = capsys.readouterr().out
    for words in (r"append a turn +[1-9]\d* +[1-9]\d* +[\d.]+", r"link a turn +[1-9]", r"page of requests +[1-9]"):
        assert re.search(words, printed), printed
