"""Are both sides told in one order, with every value that either has?"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from dashboard.compared_facts import MOST_NAMES, Fact, facts_of_branches, facts_of_requests
from dashboard.comparing import BranchesCompared, comparison, requests_compared
from schemas.stored.events import HeaderFact
from tests.compared_samples import branched, parted, wanted
from tests.fake_data import FakeDataStore
from tests.read_rows import START, STEP, conversation_tree, request_item
from tests.recorded_details import request_details


def of_requests(left: Any, right: Any) -> dict[str, Fact]:
    return {fact.name: fact for fact in facts_of_requests(requests_compared(left, right))}


async def of_branches(store: FakeDataStore, a: int, b: int) -> dict[str, Fact]:
    found = await comparison(store, wanted(a, b, of="branches"))
    assert isinstance(found, BranchesCompared)
    return {fact.name: fact for fact in facts_of_branches(found)}


def test_two_requests_in_a_line_each() -> None:
    left = request_details(1, item=request_item(1, cost_usd=Decimal("0.5"), output_tokens=480))
    right = request_details(2, item=request_item(2, cost_usd=None, output_tokens=960, model="claude-opus-4-8"))
    found = of_requests(left, right)
    assert found["Model"] == Fact("Model", "text", "claude-opus-4-5-20251101", "claude-opus-4-8")
    assert (found["Output"].left, found["Output"].right, found["Output"].same) == (480, 960, False)
    assert (found["Cost"].left, found["Cost"].right) == (Decimal("0.5"), None)
    assert (found["Received"].left, found["Received"].right) == (START + STEP, START + 2 * STEP)
    assert (found["Ended"].left, found["Messages"].left, found["Tools"].right) == ("completed, 200", 1, 1)
    assert found["Lasted"].same
    assert "Betas" not in found, "neither has any"


def test_an_answer_that_was_not_recorded_whole_is_told() -> None:
    lost = request_details(2, item=request_item(2, cost_usd=None, unrecorded=True))
    found = of_requests(request_details(1, item=request_item(1)), lost)
    assert found["Recorded"] == Fact("Recorded", "text", "whole", "not whole")
    assert of_requests(lost, lost)["Recorded"].same
    assert "Recorded" not in of_requests(request_details(1), request_details(2)), "as always"


async def test_answers_of_branches_that_were_not_recorded_are_counted() -> None:
    store = branched()
    store.items = [
        item.model_copy(update={"cost_usd": None, "unrecorded": True}) if item.request_id.int & 0xFF in {4, 6} else item
        for item in store.items
    ]
    found = await of_branches(store, 4, 5)
    assert (found["Not recorded"].left, found["Not recorded"].right) == (1, 0)
    assert (found["Not recorded, with sub-agents"].left, found["Cost"].left) == (2, Decimal(3))
    assert not any(name.startswith("Not recorded") for name in await of_branches(branched(), 4, 5))


def test_betas_are_compared_in_any_order() -> None:
    betas = [HeaderFact(name="Anthropic-Beta", value=text) for text in ("b-2, a-1", "a-1,b-2", "a-1")]
    one, other, third = (request_details(n, headers=[beta]) for n, beta in enumerate(betas, 1))
    assert of_requests(one, other)["Betas"] == Fact("Betas", "text", "a-1, b-2", "a-1, b-2")
    assert not of_requests(one, third)["Betas"].same


def test_what_is_not_projected_or_cannot_be_read_tells_what_is_known() -> None:
    members = {name: getattr(request_details(1), name) for name in request_details(1).__dataclass_fields__}
    bare = type(request_details(1))(**members | {"item": None, "received": None, "started": None, "outcome": "open"})
    found = of_requests(bare, request_details(2, body=b"no json"))
    assert (found["Model"].left, found["Received"].left, found["Ended"].left) == (
        "claude-opus-4-5-20251101", None, "open",
    )  # fmt: skip
    assert (found["Stop reason"].left, found["Cost" if "Cost" in found else "Output"].left) == ("end_turn", None)
    assert (found["Messages"].left, found["Messages"].right) == (1, None)


async def test_two_branches_in_a_line_each() -> None:
    found = await of_branches(branched(), 4, 5)
    assert (found["Requests"].left, found["Requests"].right) == (2, 1)
    assert (found["Cost"].left, found["Cost with sub-agents"].left, found["Cost"].right) == (
        Decimal(7), Decimal(13), Decimal(5),
    )  # fmt: skip
    assert found["Cost with sub-agents"].right == Decimal(5), "of a side without any: its own"
    assert (found["Tools used"].left, found["Tools used"].right) == ("Bash 1", "")
    assert (found["Began"].left, found["Prompts"].left) == (START + 3 * STEP, 2)
    assert found["Lasted"].left == (STEP + timedelta(seconds=4)) / timedelta(milliseconds=1)
    assert "Sub-agents" not in await of_branches(parted(["Hello"], ["Hi"]), 1, 101)


async def test_where_nothing_follows_nothing_is_told_but_counts() -> None:
    found = await of_branches(branched(), 1, 1)
    assert "Began" not in found
    assert (found["Requests"].left, found["Requests"].same) == (0, True)


async def test_of_many_names_some_are_told() -> None:
    store = parted(["Hello"] * 20, ["Hi"])
    nodes = [node.model_copy(update={"model": f"m{place}"}) for place, node in enumerate(store.trees[0].nodes)]
    store.put_tree(conversation_tree(nodes))
    told = (await of_branches(store, 1, 101))["Models"].left
    assert isinstance(told, str)
    assert told.count(",") == MOST_NAMES
    assert told.endswith(f"and {20 - MOST_NAMES} more")
