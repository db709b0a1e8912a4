"""Saved filters: what was saved last under a name stands, as a plain dictionary would have it."""

import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.saved_filters import (
    MAX_NAME,
    MAX_QUERY,
    MOST_FILTERS,
    PAGES,
    SavedFilter,
    SavedFilters,
    UnfitFilterError,
    View,
    saved_in,
)
from tests.hostile_text import HOSTILE
from tests.key_samples import NOON

_ONE = (
    ("bad ones", "Bad Ones", "  bad\n ones ", "BAD ONES"),
    ("straße", "STRASSE"),
    ("é", "e\u0301"),
    ("ﬁn", "fin"),
    ("x",),
)
SAME = {name: number for number, names in enumerate(_ONE) for name in names}
"""Which of these are one name: said here by hand."""
NAMES = tuple(SAME)
TIDY = {"  bad\n ones ": "bad ones", "e\u0301": "é"}
VIEW, OTHER = View("/requests", "outcome=client"), View("/usage", "by=model&range=7d")


def begun(*names: str) -> SavedFilters:
    filters = SavedFilters.begin("abcd1234", at=NOON)
    for name in names:
        filters.save(name, VIEW, who="ada", at=NOON)
    return filters


@dataclass
class Model:
    """What a person would expect: by name, the newest."""

    held: dict[int, tuple[str, View, int]] = field(default_factory=dict)
    said: int = 0

    def save(self, name: str, view: View, hour: int) -> None:
        tidy = TIDY.get(name, name)
        before = self.held.get(SAME[name])
        if before is None or before[:2] != (tidy, view):
            self.held[SAME[name]] = (tidy, view, hour)
            self.said += 1

    def remove(self, name: str) -> None:
        self.said += self.held.pop(SAME[name], None) is not None


ACTS = st.lists(
    st.tuples(st.sampled_from(["save", "save", "remove"]), st.sampled_from(NAMES), st.sampled_from([VIEW, OTHER]))
)


@given(ACTS)
def test_it_holds_what_a_dictionary_would_hold_and_replaying_gives_the_same(acts: list[tuple[str, str, View]]) -> None:
    filters, model = begun(), Model()
    for hour, (act, name, view) in enumerate(acts):
        at = NOON + timedelta(hours=hour)
        assert filters.has(name) == (SAME[name] in model.held)
        if act == "save":
            filters.save(name, view, who="ada", at=at)
            model.save(name, view, hour)
        else:
            filters.remove(name, who="ada", at=at)
            model.remove(name)
    events: list[Any] = list(filters.collect_events())
    expected = {SavedFilter(name, view, NOON + timedelta(hours=hour)) for name, view, hour in model.held.values()}
    kept = saved_in(events)
    assert len(kept) == len(expected)
    assert set(kept) == set(filters.by_key.values()) == expected
    assert len(events) == 1 + model.said  # what changes nothing is no event
    told: SavedFilters | None = None
    for event in events:
        told = event.mutate(told)
    assert told == filters


@given(st.lists(st.sampled_from(["b", "A", "a a", "C", "ä", "Z", "10", "9"]), unique=True))
def test_they_are_told_by_name_whenever_they_were_saved(names: list[str]) -> None:
    kept = saved_in(begun(*names).collect_events())
    assert [one.name for one in kept] == sorted(names, key=str.casefold)


def test_its_events_say_the_name_that_stood() -> None:
    filters = begun("  Bad\t ones ")
    filters.remove("bad ONES", who="ada", at=NOON)
    events: list[Any] = list(filters.collect_events())
    assert [(event.TOPIC, event.name, event.who) for event in events[1:]] == [
        ("filter-saved", "Bad ones", "ada"),
        ("filter-removed", "Bad ones", "ada"),
    ]


def test_what_a_newer_nexus_said_besides_is_passed_over() -> None:
    events = list(begun("x").collect_events())
    assert saved_in([events[0], object(), events[1], object()]) == saved_in(events) != ()


def test_everybody_has_his_own() -> None:
    ids = {SavedFilters.create_id(one) for one in ("", "abcd1234", "abcd1235")}
    assert len(ids) == 3
    assert begun().id == SavedFilters.create_id("abcd1234") == UUID("e241dc62-268f-5902-9477-0c6168255a61")
    assert begun().person_id == "abcd1234"


@given(st.text())
def test_a_name_is_kept_on_one_line_where_all_can_be_seen_or_refused(name: str) -> None:
    filters = begun()
    try:
        filters.save(name, VIEW, who="ada", at=NOON)
    except UnfitFilterError:
        assert filters.by_key == {}
        return
    (kept,) = filters.by_key.values()
    assert kept.name == kept.name.strip()
    assert 0 < len(kept.name) <= MAX_NAME
    assert not {unicodedata.category(sign) for sign in kept.name} & {"Cc", "Cs", "Zl", "Zp"}
    assert unicodedata.normalize("NFC", name).split() == kept.name.split()
    filters.save(kept.name, OTHER, who="ada", at=NOON)
    filters.save(name, OTHER, who="ada", at=NOON)
    assert [one.view for one in filters.by_key.values()] == [OTHER]
    filters.remove(name, who="ada", at=NOON)
    assert filters.by_key == {}


@pytest.mark.parametrize("name", ["👩\u200d💻 bugs", "می\u200cخواهم", "a < b & \"c\" 'd'", "x" * MAX_NAME, "🛑", "?"])
def test_these_are_names(name: str) -> None:
    assert [one.name for one in begun(name).by_key.values()] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  \n\t ",
        "\u200d",
        "\u0301",
        "a\0b",
        "a\x1bb",
        "a\u202eb",
        "a\u2066b",
        "a\ufeffb",
        "\ud800",
        "x" * (MAX_NAME + 1),
    ],
)
def test_these_are_none(name: str) -> None:
    filters = begun("before")
    with pytest.raises(UnfitFilterError):
        filters.save(name, VIEW, who="ada", at=NOON)
    filters.remove(name, who="ada", at=NOON)
    assert (filters.version, list(filters.by_key)) == (2, ["before"])


@pytest.mark.parametrize("text", HOSTILE)
def test_of_any_filter_an_address_is_made_that_nothing_can_leave(text: str) -> None:
    view = View("/search", urlencode({"q": text}, errors="replace"))
    filters = begun()
    filters.save("x", view, who="ada", at=NOON)
    (kept,) = filters.by_key.values()
    assert kept.view == view
    assert kept.view.address == f"/search?{view.query}"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_them_can_be_saved(path: str) -> None:
    filters = begun()
    filters.save("x", View(path, "a=b"), who="ada", at=NOON)
    assert [one.view.path for one in filters.by_key.values()] == [path]


@pytest.mark.parametrize(
    ("view", "who"),
    [
        (View("/overview", "a=b"), "ada"),
        (View("//evil.example", "a=b"), "ada"),
        (View("/requests/", "a=b"), "ada"),
        (View("/requests", ""), "ada"),
        (View("/requests", "a=b#c"), "ada"),
        (View("/requests", "a=b c"), "ada"),
        (View("/requests", "a=<"), "ada"),
        (View("/requests", "a=b\n"), "ada"),
        (View("/requests", "a=é"), "ada"),
        (View("/requests", "a" * (MAX_QUERY + 1)), "ada"),
        (VIEW, ""),
    ],
)
def test_what_is_no_view_of_ours_is_refused_and_changes_nothing(view: View, who: str) -> None:
    filters = begun("before")
    with pytest.raises(UnfitFilterError):
        filters.save("x", view, who=who, at=NOON)
    assert (filters.version, list(filters.by_key)) == (2, ["before"])


def test_the_longest_query_is_kept() -> None:
    filters = begun()
    filters.save("x", View("/search", "a" * MAX_QUERY), who="ada", at=NOON)
    assert filters.has("x")


def test_nobody_removes_without_a_name_of_his_own() -> None:
    filters = begun("x")
    with pytest.raises(UnfitFilterError):
        filters.remove("x", who="", at=NOON)
    assert filters.has("x")


def test_there_are_so_many_and_no_more_until_one_goes() -> None:
    filters = begun(*(f"filter {number}" for number in range(MOST_FILTERS)))
    with pytest.raises(UnfitFilterError, match=str(MOST_FILTERS)):
        filters.save("one more", VIEW, who="ada", at=NOON)
    filters.save("FILTER 7", OTHER, who="ada", at=NOON)  # in the place of another
    filters.remove("filter 8", who="ada", at=NOON)
    filters.save("one more", VIEW, who="ada", at=NOON)
    assert len(filters.by_key) == MOST_FILTERS
