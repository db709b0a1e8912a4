"""A request is held against its parent's messages, or it is said why it cannot be."""

from typing import Any

import pytest

from dashboard.details import RequestDetails, details_of
from dashboard.novelty import Basis, novelty
from dashboard.recordings import Stream
from schemas.stored.events import RequestReceived
from tests.read_rows import request_id, request_item
from tests.recorded_details import REQUEST, request_details


def said(*texts: str, **members: Any) -> dict[str, Any]:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return REQUEST | {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]} | members


BEFORE = request_details(1, body=said("How many?"))


def after(**changes: Any) -> RequestDetails:
    body = said("How many?", "There are three.", "Thanks")
    return request_details(2, body=body, item=request_item(2, **changes))


def test_a_request_is_held_against_the_messages_and_the_answer_before() -> None:
    found = novelty(after(edge="branches"), BEFORE)
    assert (found.basis, found.before, found.edge) == ("before", request_id(1), "branches")
    assert found.news is not None
    assert found.news.states == ("carried", "carried", "new")
    assert (found.news.answer, found.changes) == ("held", ())


def test_what_else_changed_is_told() -> None:
    body = said("How many?", model="another", system="Be long.", tools=[{"name": "Read", "input_schema": {}}])
    found = novelty(request_details(2, body=body, item=request_item(2)), BEFORE)
    assert [(one.part, one.kind) for one in found.changes] == [
        ("model", "changed"),
        ("tool", "added"),
        ("tool", "removed"),
        ("system", "changed"),
    ]


def test_without_a_parent_all_is_new() -> None:
    found = novelty(request_details(1), None)
    assert (found.basis, found.before) == ("nothing", None)
    assert found.news is not None
    assert found.news.states == ("new",)


@pytest.mark.parametrize("item", [None, request_item(2, edge=None, parent_request_id=None)])
def test_what_is_not_linked_yet_is_not_known(item: Any) -> None:
    members = {name: getattr(after(), name) for name in RequestDetails.__dataclass_fields__}
    found = novelty(RequestDetails(**members | {"item": item}), None)
    assert (found.basis, found.news) == ("unlinked", None)


def lost(body: bytes | None, reference: Any) -> RequestDetails:
    """The request before, whose body is no more or never was."""
    assert BEFORE.received is not None
    events = [event for event in (BEFORE.received, BEFORE.started, BEFORE.ended) if event is not None]
    changed = [event.model_copy(update=reference) if isinstance(event, RequestReceived) else event for event in events]
    return details_of(Stream(changed), request_item(1), body, b"")


@pytest.mark.parametrize(
    ("before", "basis"),
    [
        (None, "missing"),
        (lost(None, {}), "erased"),
        (lost(None, {"body": None}), "not_kept"),
        (lost(None, {"body": None, "byte_count": 0}), "unreadable"),
        (request_details(1, body=b"{"), "unreadable"),
    ],
)
def test_a_parent_that_cannot_be_read_says_why(before: RequestDetails | None, basis: Basis) -> None:
    found = novelty(after(), before)
    assert (found.basis, found.before, found.news, found.changes) == (basis, request_id(1), None, ())
