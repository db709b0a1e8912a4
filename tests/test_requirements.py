"""A requirement that is not there: a skip with its reason, or a failure where it has to be there."""

import pytest

from tests.requirements import missing, scaled


def test_it_is_a_skip_that_says_what_and_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_REQUIRE_IT", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Chromium is not here: install it"):
        missing("Chromium", "install it", required_by="NEXUS_REQUIRE_IT")


def test_it_is_a_failure_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_REQUIRE_IT", "1")
    with pytest.raises(pytest.fail.Exception, match=r"Chromium is not here: install it \(NEXUS_REQUIRE_IT=1\)"):
        missing("Chromium", "install it", required_by="NEXUS_REQUIRE_IT")


def test_numbers_are_larger_at_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_NIGHTLY", raising=False)
    assert scaled(2, 100) == 2
    monkeypatch.setenv("NEXUS_NIGHTLY", "1")
    assert scaled(2, 100) == 100
