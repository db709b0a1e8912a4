"""How is a stretch of a branch read? One exchange after the other, so that only what is new of each stays in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from dashboard.data import DataStore
from dashboard.lines import recorded_turn
from domain.transcript import Transcript, Turn
from schemas.read_api import TreeNode

LOOK_BACK = 12
"""Exchanges before a stretch that are asked for their history, until one has it."""


async def turns_of(
    store: DataStore, line: Sequence[TreeNode], subtasks: Mapping[str, UUID], start: int, end: int
) -> tuple[Turn, ...]:
    """What the exchanges from ``start`` to before ``end`` added; calls have the results of the one behind, too."""
    told = Transcript(subtasks, first=start + 1)
    for node in [node for node in line[max(0, start - LOOK_BACK) : start] if node.edge != "aside"][::-1]:
        before = recorded_turn(await store.details(node.request_id), node)
        if not before.lost_request:
            await asyncio.to_thread(told.pass_over, before)
            break
    stretch = line[start : end + 1]
    nodes = iter(stretch)
    async for details in store.line_details([node.request_id for node in stretch]):
        await asyncio.to_thread(told.add, recorded_turn(details, next(nodes)))
    return told.turns()[: end - start]
