"""Every cause of a cache miss has its words, and a place in the prompt is counted as people count."""

import re
from typing import Any

import pytest

from dashboard.views.cache_causes import CAUSES, place_words, words_of
from domain.cache_misses import QUIET
from schemas.cache_api import CacheDivergence
from tests.source_tree import ROOT

ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)


def test_every_cause_of_the_docs_has_words_and_no_other_has() -> None:
    documented = set(ROW.findall((ROOT / "docs" / "cache.md").read_text()))
    assert set(CAUSES) == documented | QUIET


def test_a_cause_without_words_is_its_name() -> None:
    assert words_of("ttl_lapsed").title == "Entry ran out"
    assert words_of("moon_rose").title == "moon rose"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"section": "tool", "place": 2, "name": "Bash"}, "tool 3, Bash"),
        ({"section": "system", "place": 0, "kind": "text"}, "system block 1"),
        ({"section": "message", "place": 4, "role": "user", "kind": "tool_result"}, "message 5, user, tool_result"),
    ],
)
def test_a_place_is_told(members: dict[str, Any], words: str) -> None:
    assert place_words(CacheDivergence(**({"name": "", "role": "", "kind": ""} | members))) == words
