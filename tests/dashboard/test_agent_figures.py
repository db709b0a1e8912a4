"""What the client says of a sub-task stands beside ours, with the reason why it is another number."""

from functools import partial

import pytest

from dashboard.agent_figures import with_reports
from dashboard.data import DataStore
from dashboard.trees import branches_of
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.read_models.conversation_queries import ConversationFilter
from schemas.read_api import BranchItem
from tests.projected import Store
from tests.read_rows import request_id, tree_node

TALK = [
    tree_node(1),
    tree_node(2, parent=1, branch=2, edge="spawned"),
    tree_node(3, parent=2, branch=2, input_tokens=20, output_tokens=2, cache_read_tokens=100, cache_write_tokens=0),
    tree_node(4, parent=3, branch=2, edge="aside", input_tokens=5000),
    tree_node(5, parent=3, branch=2, output_tokens=None),
]


def told(tokens: int) -> BranchItem:
    [_, task] = with_reports(branches_of(TALK), TALK, {request_id(2): tokens})
    assert task.reported_tokens == tokens
    return task


def test_the_last_answer_explains_it() -> None:
    assert told(122).reported_explained == (
        "the client reports the size of the last answer's context; all 4 requests together used more"
    )


def test_what_does_not_fit_is_said() -> None:
    explained = told(123).reported_explained
    assert explained is not None
    assert explained.startswith("the client reports 123, the last answer recorded here held 122")


def test_where_the_client_says_nothing_there_is_nothing() -> None:
    assert with_reports(branches_of(TALK), TALK, {}) == branches_of(TALK)


def test_without_an_answer_nothing_is_compared() -> None:
    [_, task] = with_reports(branches_of(TALK[:2]), [], {request_id(2): 5})
    assert task.reported_explained == "no answer of it is recorded here"


@pytest.mark.parametrize(("capture", "tokens"), [("d2_two_agents", [8575]), ("d5_background", [7472])])
async def test_real_reports_are_the_size_of_the_last_answer(capture: str, tokens: list[int], pool: Pool) -> None:
    source = Store.over(pool)
    await source.append(capture)
    await source.follow()
    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool))
    found: list[BranchItem] = []
    for talk in (await store.conversations(ConversationFilter(), limit=500)).items:
        tree = await store.tree(talk.conversation_id)
        assert tree is not None
        found += [branch for branch in tree.branches if branch.reported_tokens is not None]
    assert [one.reported_tokens for one in found] == tokens
    assert all("size of the last answer's context" in str(one.reported_explained) for one in found)
