"""How is a stretch of a branch read? One exchange after the other, so that only what is new of each stays in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from dashboard.data import DataStore
from dashboard.lines import recorded_turn
from domain.transcript import RecordedTurn, Transcript, Turn
from schemas.read_api import TreeNode

LOOK_BACK = 12
"""Exchanges before a stretch that are asked for their history, until one has it."""


async def turns_of(
    store: DataStore, line: Sequence[TreeNode], subtasks: Mapping[str, UUID], start: int, end: int
) -> tuple[Turn, ...]:
    """What the exchanges from ``start`` to before ``end`` added; calls have the results of the one behind, too.

    The one before them is read with them, since it has most of what they have.
    """
    told = Transcript(subtasks, first=start + 1)
    further = [node for node in line[max(0, start - LOOK_BACK) : start] if node.edge != "aside"]
    before, stretch = further[-1:], line[start : end + 1]
    recorded = store.line_details([node.request_id for node in (*before, *stretch)])
    if before:
        nearest = recorded_turn(await anext(recorded), before[0])
        history = await _last_kept(store, further[:-1]) if nearest.lost_request else nearest
        if history is not None:
            await asyncio.to_thread(told.pass_over, history)
    nodes = iter(stretch)
    async for details in recorded:
        await asyncio.to_thread(told.add, recorded_turn(details, next(nodes)))
    return told.turns()[: end - start]


async def _last_kept(store: DataStore, line: Sequence[TreeNode]) -> RecordedTurn | None:
    """The newest of which the request is still there."""
    for node in reversed(line):
        turn = recorded_turn(await store.details(node.request_id), node)
        if not turn.lost_request:
            return turn
    return None
