"""A project's label: what a person said last, which may be that it has none."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.project_labels import LABEL_TOPICS, MAX_LABEL, ProjectLabel, UnfitLabelError
from tests.key_samples import NOON

FOLDER = "dir:1f2e3d4c5b6a7980"


@given(st.lists(st.sampled_from(["shop", "the shop", ""]), min_size=1, max_size=6))
def test_the_newest_word_stands_and_replaying_gives_the_same(words: list[str]) -> None:
    label = ProjectLabel.begin(FOLDER, words[0], who="ada", at=NOON)
    for word in words[1:]:
        label.call(word, who="bob", at=NOON)
    assert (label.project, label.label) == (FOLDER, words[-1])
    told: ProjectLabel | None = None
    events: list[Any] = list(label.collect_events())
    for event in events:
        told = event.mutate(told)
    assert told == label
    assert len(events) == 1 + sum(one != other for one, other in pairwise(words))
    assert {event.TOPIC for event in events} == set(LABEL_TOPICS)


@pytest.mark.parametrize(
    ("project", "label", "who"),
    [
        ("", "shop", "ada"),
        ("a\nb", "shop", "ada"),
        ("p" * 1001, "shop", "ada"),
        (FOLDER, " shop", "ada"),
        (FOLDER, "a\nb", "ada"),
        (FOLDER, "s" * (MAX_LABEL + 1), "ada"),
        (FOLDER, "shop", ""),
    ],
)
def test_what_is_unfit_is_refused_and_changes_nothing(project: str, label: str, who: str) -> None:
    with pytest.raises(UnfitLabelError):
        ProjectLabel.begin(project, label, who=who, at=NOON)
    standing = ProjectLabel.begin(FOLDER, "before", who="ada", at=NOON)
    if project == FOLDER:
        with pytest.raises(UnfitLabelError):
            standing.call(label, who=who, at=NOON)
    assert (standing.version, standing.label) == (1, "before")
