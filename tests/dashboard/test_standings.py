"""A conversation as it stands is put together as the one that stood when the last thing had happened.

What stands at every moment between is held against a second store in ``test_as_of.py``.
"""

from datetime import timedelta
from uuid import UUID

from dashboard.standings import begun, open_then, standing_now, standing_then
from dashboard.told import Sayings
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from ops.prices import shipped_prices
from tests.read_rows import START, conversation_item, tree_node

BOOK = PriceBook(shipped_prices())
SAID = Sayings(book=BOOK, shipped=BOOK)
FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
NODES = [
    tree_node(request_id=FIRST, received_at=START, completed_at=START + timedelta(seconds=1)),
    tree_node(request_id=SECOND, received_at=START + timedelta(seconds=2), completed_at=START + timedelta(seconds=5)),
    tree_node(request_id=THIRD, received_at=START + timedelta(seconds=4), completed_at=None, outcome="open"),
]
ITEM = conversation_item()


def test_what_is_asked_for_is_what_had_begun_and_what_was_open() -> None:
    moment = START + timedelta(seconds=3)
    assert begun(NODES, moment) == [FIRST, SECOND]
    assert open_then(NODES, moment) == [SECOND]
    assert begun(NODES, START - timedelta(seconds=1)) == open_then(NODES, START - timedelta(seconds=1)) == []
    assert open_then(NODES, START + timedelta(seconds=9)) == [THIRD]


def test_at_the_end_it_stands_as_it_stands_now() -> None:
    ended = NODES[:2]
    now = standing_now(ITEM, ended, ([], []), {}, SAID)
    then = standing_then(ITEM, ended, START + timedelta(seconds=9), ([], []), SAID)
    assert (then.moments, then.tree.branches, then.tree.nodes) == (now.moments, now.tree.branches, now.tree.nodes)


def test_before_all_there_is_nothing_but_the_moments() -> None:
    then = standing_then(ITEM, NODES, START - timedelta(seconds=1), ([], []), SAID)
    assert (list(then.tree.nodes), list(then.tree.branches), list(then.tree.compactions)) == ([], [], [])
    assert then.moments == standing_now(ITEM, NODES, ([], []), {}, SAID).moments


def test_in_between_what_ended_later_is_open() -> None:
    then = standing_then(ITEM, NODES, START + timedelta(seconds=3), ([], []), SAID)
    assert [(node.request_id, node.outcome) for node in then.tree.nodes] == [(FIRST, "completed"), (SECOND, "open")]


def test_what_could_not_be_recorded_is_known_when_its_answer_has_ended() -> None:
    """Before that the answer was open, and nobody knew."""
    nothing = BilledLine(tariff=Tariff(model="claude-opus-5-5"), tokens=TokenCounts())
    used = [CostRow(one, nothing, START.date(), unrecorded=1) for one in (FIRST, SECOND)]
    lost = [node.model_copy(update={"unrecorded": True}) for node in NODES[:2]]
    for seconds, expected in ((0, 0), (3, 1), (9, 2)):
        moment = START + timedelta(seconds=seconds)
        then = standing_then(
            ITEM, lost, moment, ([row for row in used if row.id in begun(lost, moment)], []), SAID
        ).tree
        assert then.conversation.unrecorded == sum(branch.unrecorded for branch in then.branches) == expected
        assert sum(node.unrecorded for node in then.nodes) == expected
