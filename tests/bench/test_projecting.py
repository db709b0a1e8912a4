"""The benchmark of shipping and projecting still runs, on next to nothing, and its mix is what it says it is."""

import re
from itertools import islice

import pytest

from domain.identity import identity_in
from tests import captures
from tests.bench import projecting
from tests.bench.capture_mix import bulk, mix

ALL = sum(len(captures.exchanges(name)) for name in captures.names())


async def test_it_runs_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    """But for the processes of ``live`` and ``lag``, which take long to start."""
    await projecting.main(["--exchanges", "12", "--bulk-mb", "0.04", "--bulk-kb", "20", "--only", "alone"])
    printed = capsys.readouterr().out
    for line in (
        r"mix +shipping alone +[\d.]+ exchanges/s",
        r"mix +conversations alone",
        r"bulk +requests +alone .* MB/s",
    ):
        assert re.search(line, printed), line


def test_every_round_is_of_other_people() -> None:
    twice = list(islice(mix(), 2 * ALL))
    first, second = twice[:ALL], twice[ALL:]
    said = [{identity_in(one.body) for one in some} for some in (first, second)]
    assert {one.session for one in said[0]} & {one.session for one in said[1]} <= {None}
    assert [len(one.body) for one in first] == [len(one.body) for one in second]
    assert [one.status for one in first] == [one.status for one in second]


def test_bulk_is_new_and_of_its_size() -> None:
    first, second = islice(bulk(50_000), 2)
    assert first.body != second.body
    assert 0.8 < len(first.body) / 50_000 < 1.3


def test_lags_are_counted_by_event() -> None:
    """Two events at 1 s are in the rows at 3 s; one at 2 s is so at 4 s."""
    seen = [(0.0, 5, 5), (1.0, 7, 5), (2.0, 8, 6), (3.0, 8, 7), (4.0, 8, 8)]
    assert projecting.lags(seen) == [2.0, 2.0, 2.0]
