"""Counts on their way to a gateway: equal on the other side, or nothing at all."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.usage_counts import UsageCounts, read, write
from tests.key_samples import NOON, moments

COUNTS = st.dictionaries(st.text(max_size=8), st.integers(0, 2**62), max_size=4)
MONEY = st.none() | st.dictionaries(st.text(max_size=8), st.decimals(0, 10**6, places=6), max_size=3)


@given(counts=st.builds(UsageCounts, moments(), COUNTS, COUNTS, MONEY, MONEY))
def test_they_come_back_equal(tmp_path_factory: pytest.TempPathFactory, counts: UsageCounts) -> None:
    path = tmp_path_factory.getbasetemp() / "usage.json"
    write(path, counts)
    assert read(path) == counts


def test_money_that_nobody_counts_is_null(tmp_path: Path) -> None:
    write(tmp_path / "usage.json", UsageCounts(NOON, {"abcdefgh": 7}))
    assert b'"spend_by_key":null' in (tmp_path / "usage.json").read_bytes()
    write(tmp_path / "usage.json", UsageCounts(NOON, spend_by_key={"abcdefgh": Decimal("1.10")}))
    assert read(tmp_path / "usage.json") == UsageCounts(NOON, spend_by_key={"abcdefgh": Decimal("1.10")})


def test_counts_say_how_old_they_are(tmp_path: Path) -> None:
    write(tmp_path / "usage.json", UsageCounts(NOON))
    write(tmp_path / "usage.json", UsageCounts(NOON + timedelta(seconds=1)))
    found = read(tmp_path / "usage.json")
    assert found is not None
    assert found.at == NOON + timedelta(seconds=1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at":"2026-01-01T00:00:00"}', b"\xff", b"null"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage.json"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read(path) is None


def test_what_is_no_file_is_nothing_and_nobody_waits_for_it(tmp_path: Path) -> None:
    assert read(tmp_path / "usage.json") is None
    os.mkfifo(tmp_path / "usage.json", 0o600)
    assert read(tmp_path / "usage.json") is None
