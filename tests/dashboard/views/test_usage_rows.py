"""Rows and bars say what the answer says: the same sums, one colour for a value, and no price where there is none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.usage_figures import KINDS, OTHER, SERIES
from dashboard.views.usage_ranges import span_of
from dashboard.views.usage_rows import (
    MEASURES,
    bars_of,
    conversation_label,
    filter_of,
    label_of,
    notes_of,
    rows_of,
    task_rows,
    tints_of,
    total_row,
)
from schemas.usage_api import SubTaskItem, UsageItem, UsageTokens
from tests.read_rows import START, request_id
from tests.usage_samples import SINCE, usage_answer, usage_figures, usage_item

SPAN = span_of({}, START)
DAY = timedelta(days=1)


def of_model(name: str, cost: str | None = "0.50", day: int | None = None, **changes: Any) -> UsageItem:
    return usage_item(
        None if day is None else SINCE + day * DAY,
        label=name,
        group={"model": name},
        cost_usd=None if cost is None else Decimal(cost),
        **changes,
    )


def test_a_row_has_share_and_hit_rate() -> None:
    answer = usage_answer(of_model("a", "1.50"), of_model("b", "0.50"))
    first, second = rows_of(answer, "model", tints_of(answer, "model"))
    assert (first.share, second.share) == (0.75, 0.25)
    assert first.hit_rate == pytest.approx(0.8)
    assert (first.tint, second.tint) == SERIES[:2]
    assert first.narrower == {"model": "a"}
    assert total_row(answer).share == 1


def test_what_has_no_price_has_no_share_and_what_was_not_sent_no_hit_rate() -> None:
    nothing = of_model("a", None, tokens=UsageTokens(output=7))
    (row,) = rows_of(usage_answer(nothing), "model", {})
    assert (row.share, row.hit_rate, row.change, row.tint) == (None, None, None, OTHER)


def test_the_rest_comes_last_and_leads_nowhere() -> None:
    rest = usage_item(group={}, label="")
    rows = rows_of(usage_answer(of_model("a"), other=(rest,)), "model", {"a": SERIES[0]})
    assert [(row.label, row.narrower) for row in rows] == [("a", {"model": "a"}), ("other", None)]


def test_a_change_is_what_it_would_have_cost_more() -> None:
    (row,) = rows_of(usage_answer(of_model("a", "2", what_if_cost_usd=Decimal("0.5"))), "model", {})
    assert row.change == Decimal("-1.5")


@pytest.mark.parametrize(
    ("by", "value", "label", "narrower"),
    [
        ("model", "claude-opus-4-5-20251101", "opus 4.5", {"model": "claude-opus-4-5-20251101"}),
        ("class", "subagent", "sub-agent", {"class": "subagent"}),
        ("class", "main", "main", {"class": "main"}),
        ("account", "3faef779", "3faef779", {"account": "3faef779"}),
        ("account", "device:1d77", "device:1d77", {"account": "device:1d77"}),
        ("project", None, "none", None),
    ],
)
def test_a_value_has_its_name_and_its_filter(by: Any, value: str | None, label: str, narrower: object) -> None:
    item = usage_item(group={by: value}, label=value or "(none)")
    assert (label_of(item, by), filter_of(item, by)) == (label, narrower)


def test_conversations_have_their_titles() -> None:
    talk = usage_item(group={"conversation": request_id(1)})
    assert conversation_label(talk, {str(request_id(1)): "Mend it"}) == "Mend it"
    assert conversation_label(talk, {}) == "Conversation 00000001"
    assert conversation_label(usage_item(group={"conversation": None}), {}) == "Not in a conversation"


def test_reasons_are_told_once() -> None:
    unpriced = [of_model(name, None, unpriced=["no price for a", "no price for b"]) for name in "ab"]
    assert notes_of(usage_answer(*unpriced)) == ["no price for a", "no price for b"]


def test_colours_go_by_what_a_value_cost_in_all() -> None:
    items = [
        of_model("a", "1", 0),
        of_model("b", "1", 0),
        of_model("b", "1", 1),
        of_model("c", None, 1),
        of_model("d", None, 1, requests=9),
    ]
    assert list(tints_of(usage_answer(*items), "model")) == ["b", "a", "d", "c"]
    many = usage_answer(*(of_model(f"m{number}", "1", 0) for number in range(12)))
    assert len(tints_of(many, "model")) == len(SERIES)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.integers(0, 10**6)), unique_by=lambda t: t[:2]),
    st.sampled_from(MEASURES),
)
def test_bars_hold_exactly_what_the_answer_holds(given_items: list[tuple[str, int, int]], measure: Any) -> None:
    """Oracle: straight sums over the items."""
    items = [of_model(name, str(Decimal(cents) / 100), day, requests=cents % 7) for name, day, cents in given_items]
    answer = usage_answer(*items, bucket="day")
    bars = bars_of(answer, SPAN, "model", measure, tints_of(answer, "model"))
    drawn = sum(part.amount for stack in bars.stacks for part in stack.parts)
    sums = {
        "cost": float(sum(item.cost_usd or 0 for item in items)),
        "requests": sum(item.requests for item in items),
        "tokens": sum(item.tokens.all for item in items),
    }
    assert drawn == pytest.approx(sums[measure])
    starts = [stack.start for stack in bars.stacks]
    assert starts == sorted(set(starts))
    assert all(stack.end - stack.start == DAY for stack in bars.stacks)


def test_other_and_kinds_have_their_colours() -> None:
    rest = usage_item(SINCE, group={}, label="")
    answer = usage_answer(of_model("a", "1", 0), other=(rest,), bucket="day")
    (stack,) = bars_of(answer, SPAN, "model", "cost", {"a": SERIES[0]}).stacks
    assert [(part.tint, part.label) for part in stack.parts] == [(SERIES[0], "a"), (OTHER, "other")]
    (kinds,) = bars_of(usage_answer(of_model("a", "1", 0), bucket="day"), SPAN, "model", "tokens", {}).stacks
    assert [(part.tint, part.amount) for part in kinds.parts] == list(zip(KINDS, [800, 60, 40, 100, 50], strict=True))


def test_a_sub_task_has_its_place_and_its_conversation_a_name() -> None:
    whole = usage_figures(requests=9)
    main = SubTaskItem(conversation_id=request_id(1), parent=None, depth=0, name=None, agent_type=None)
    below = SubTaskItem(conversation_id=request_id(1), parent=request_id(1), depth=1, name="Count", agent_type="Plan")
    items = [
        usage_item(group={"subtask": request_id(1)}, label="main thread", subtask=main, with_descendants=whole),
        usage_item(group={"subtask": request_id(2)}, label="Count", subtask=below, with_descendants=whole),
        usage_item(group={"subtask": None}, label="(none)"),
    ]
    answer = usage_answer(*items)
    first, second, alone = task_rows(answer, {})
    link = f"/conversations/{request_id(1)}"
    assert (first.label, first.is_main, first.link, first.whole) == ("Conversation 00000001", True, link, whole)
    assert (second.label, second.agent_type, second.depth, second.is_main) == ("Count", "Plan", 1, False)
    assert second.link == f"{link}?request={request_id(2)}"
    assert (alone.label, alone.whole, alone.link) == ("Not in a conversation", items[2], None)
    assert task_rows(answer, {str(request_id(1)): "Mend it"})[0].label == "Mend it"
    named = rows_of(answer, "subtask", {}, {str(request_id(1)): "Mend it"})
    assert [row.label for row in named] == ["Mend it", "Count", "none"]
    rows = rows_of(answer, "subtask", {})
    assert [(row.label, row.depth) for row in rows] == [
        ("Main thread of conversation 00000001", 0), ("Count", 1), ("none", 0)
    ]  # fmt: skip
