"""What is new reads as one sentence, and every difference as one line."""

from typing import Any

import pytest

from dashboard.novelty import Novelty
from dashboard.views.novelty import MOST_CHANGES, MOST_LINES, ShownChange, shown_novelty
from dashboard.views.why import Neighbour
from domain.prompt_changes import Change, Mark
from domain.tool_calls import DiffLine
from domain.whats_new import News
from tests.read_rows import request_id

BEFORE = Neighbour(request_id(1), "00000001")


def listed(*changes: Change) -> tuple[ShownChange, ...]:
    return shown_novelty(Novelty(basis="before", before=request_id(1), news=News(()), changes=changes), BEFORE).changes


def change(part: Any, kind: Any, name: str = "", **members: Any) -> Change:
    return Change(part=part, kind=kind, name=name, **members)


@pytest.mark.parametrize(
    ("news", "words"),
    [
        (News(("carried", "carried", "new")), "1 new message, 2 carried over."),
        (News(("carried", "partly", "new")), "2 new messages, 1 carried over."),
        (News(("carried",) * 1200), "no new message, 1,200 carried over."),
        (News(("changed", "new")), "1 new message, 1 carried over; 1 of them with another tool result."),
        (News(("new",), gone=1, answer="left_out"), "nothing of it is carried over."),
        (News(("carried", "new"), gone=1), "1 new message, 1 carried over; 1 of its messages left out."),
        (
            News(("carried", "new"), gone=2, answer="left_out"),
            "1 new message, 1 carried over; 2 of its messages and its answer left out.",
        ),
        (News(("carried",), answer="left_out"), "no new message, 1 carried over; its answer left out."),
        (News(("carried",), answer="held"), "no new message, 1 carried over."),
    ],
)
def test_the_messages_are_counted(news: News, words: str) -> None:
    assert shown_novelty(Novelty(basis="before", before=request_id(1), news=news), BEFORE).words == words


@pytest.mark.parametrize("basis", ["nothing", "unlinked", "missing", "erased", "not_kept", "unreadable"])
def test_where_nothing_can_be_held_against_it_that_is_said(basis: Any) -> None:
    shown = shown_novelty(Novelty(basis=basis, news=News(("new",))), None)
    assert shown.words.endswith(("new.", "known.", "told."))
    assert (shown.basis, shown.aside, shown.changes) == (basis, "", ())


@pytest.mark.parametrize(
    ("edge", "aside"),
    [("retries", "It tries the same once more."), ("spawned", "That one called the agent."), ("continues", "")],
)
def test_what_the_link_tells_stands_beside(edge: str, aside: str) -> None:
    assert shown_novelty(Novelty(basis="before", edge=edge, before=request_id(1), news=News(())), BEFORE).aside == aside
    assert shown_novelty(Novelty(basis="nothing", edge=edge, news=News(())), None).aside == ""


def test_settings_say_what_they_were_and_are() -> None:
    model, most, gone = listed(
        change("model", "changed", "model", before="one", now="other"),
        change("setting", "added", "thinking", now={"type": "enabled"}),
        change("setting", "removed", "x" * 99, before=None),
    )
    assert (model.what, model.before, model.now) == ("Model", "one", "other")
    assert (most.what, most.kind, most.before, most.now) == ("thinking", "added", "", '{"type":"enabled"}')
    assert (len(gone.what), gone.before, gone.now) == (60, "", "")


def test_tools_that_came_and_went_stand_in_a_line_each() -> None:
    came = [change("tool", "added", name) for name in ("Edit", "Write")]
    shown = listed(*came, change("tool", "removed", "Read"), change("tool order", "changed"))
    assert [(one.what, one.kind, one.names) for one in shown] == [
        ("Order of the tools", "changed", ""),
        ("2 tools", "added", "Edit, Write"),
        ("Tool", "removed", "Read"),
    ]


def test_texts_bring_their_difference() -> None:
    hunk = (DiffLine("-", "a"), DiffLine("+", "b"))
    tool, block = listed(
        change("tool", "changed", "Bash", hunks=(hunk,)), change("system", "changed", "2", hunks=(hunk,))
    )
    assert (tool.what, tool.hunks, tool.hidden) == ("Tool Bash", (hunk,), 0)
    assert block.what == "System prompt, block 2"


def test_of_a_long_difference_the_beginning_is_shown() -> None:
    hunk = (DiffLine("+", "x"),) * (MOST_LINES - 1)
    (shown,) = listed(change("system", "added", "1", hunks=(hunk, hunk, hunk)))
    assert [len(each) for each in shown.hunks] == [MOST_LINES - 1, 1]
    assert shown.hidden == 2 * (MOST_LINES - 1) - 1


def test_cache_marks_are_told_by_their_places() -> None:
    before = (Mark("tool", "Bash", "5m"), Mark("message", "3", "5m"))
    now = (Mark("system", "2", "1h"), Mark("message", "1", "5m"))
    (shown,) = listed(change("marks", "changed", marks_before=before, marks=now))
    assert (shown.before, shown.now) == (
        "tool Bash, message 3 from the end",
        "system block 2 (1 hour), the last message",
    )


def test_of_very_many_differences_the_rest_is_counted() -> None:
    changes = tuple(change("setting", "added", str(number)) for number in range(MOST_CHANGES + 3))
    shown = shown_novelty(Novelty(basis="before", news=News(()), changes=changes), BEFORE)
    assert (len(shown.changes), shown.more) == (MOST_CHANGES, 3)
