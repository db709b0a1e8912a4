"""A hit leads to its place in the reading view, and says what it is."""

from typing import Any
from uuid import UUID

import pytest

from dashboard.views.hits import KINDS, link_to, shown_hits
from schemas.search_api import SearchHit
from tests.schemas.test_search_api import HIT


def hit(**changes: Any) -> SearchHit:
    linked = {"conversation_id": UUID(int=2), "branch_id": UUID(int=3), "is_error": False}
    return SearchHit.model_validate(HIT | linked | changes)


def test_the_way_to_a_hit() -> None:
    assert link_to(hit()) == (f"/conversations/{UUID(int=2)}?tab=read&branch={UUID(int=3)}&message={UUID(int=1)}.q3")
    for lost in ({"conversation_id": None}, {"branch_id": None}, {"class": "auxiliary"}):
        assert link_to(hit(**lost)) == f"/requests/{UUID(int=1)}"


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "Tool result"),
        ({"is_error": True}, "Tool result · failed"),
        ({"class": "subagent"}, "Tool result"),
        ({"kind": "prompt"}, "Prompt"),
        ({"kind": "prompt", "class": "subagent"}, "Prompt to a sub-agent"),
        ({"kind": "answer", "class": "subagent"}, "Answer of a sub-agent"),
    ],
)
def test_what_a_hit_is(changes: dict[str, Any], label: str) -> None:
    (one,) = shown_hits([hit(**changes)])
    assert one.label == label


def test_every_kind_has_a_name() -> None:
    assert set(KINDS) == set(SearchHit.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]  # a Literal
