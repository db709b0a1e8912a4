"""The bench of searches finds what it looks for, in a store of a few texts."""

import re

import pytest

from ops.db.embedded import EmbeddedPostgres
from tests.bench.search_store import questions, report, word
from tests.postgres import create_database, drop_database

TEXTS = 2_000


async def test_a_small_store_is_searched(postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = create_database(postgres_server)
    await report(dsn, TEXTS)
    printed = capsys.readouterr().out
    found = {what: re.search(rf"^{re.escape(what)} +([\d,]+)", printed, re.MULTILINE) for what, _ in questions(TEXTS)}
    counts = {what: int(match[1].replace(",", "")) for what, match in found.items() if match}
    assert counts["said once"] == 1
    assert counts["said nowhere"] == 0
    assert counts["a word everywhere"] == counts["the same, newest first"] > TEXTS / 2
    assert 0 < counts["a word everywhere, a tool that failed"] < TEXTS / 40
    drop_database(postgres_server, dsn)


def test_words_are_words_of_their_own() -> None:
    assert len({word(number) for number in range(50_000)}) == 50_000
