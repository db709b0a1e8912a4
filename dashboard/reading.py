"""How is a stretch of a branch read? One exchange after the other, so that only what is new of each stays in memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dashboard.data import DataStore
from dashboard.lines import recorded_turn
from domain.transcript import Transcript, Turn
from domain.transcript_entries import words_of
from schemas.read_api import TreeNode

AT_A_TIME = 40
"""Exchanges that are read together while somebody searches."""
LOOK_BACK = 12
"""Exchanges before a stretch that are asked for their history, until one has it."""
MOST_HITS = 50
_AROUND = 60


@dataclass(frozen=True, slots=True)
class Hit:
    """Where the words stand that somebody searched for."""

    turn: int
    id: str
    before: str
    words: str
    after: str


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
    for node in line[start : end + 1]:
        exchange = recorded_turn(await store.details(node.request_id), node)
        await asyncio.to_thread(told.add, exchange)
    return told.turns()[: end - start]


async def all_turns(
    store: DataStore, line: Sequence[TreeNode], subtasks: Mapping[str, UUID]
) -> AsyncIterator[tuple[Turn, ...]]:
    """The newest exchanges first, some at a time."""
    for end in range(len(line), 0, -AT_A_TIME):
        yield await turns_of(store, line, subtasks, max(0, end - AT_A_TIME), end)


def hits_in(turns: Sequence[Turn], words: str) -> list[Hit]:
    """The newest first; upper and lower case alike."""
    wanted = words.casefold()
    found = list[Hit]()
    for turn in reversed(turns):
        for entry in reversed(turn.entries):
            text = words_of(entry)
            at = text.casefold().find(wanted)
            if at >= 0:
                end = at + len(words)
                before, after = text[max(0, at - _AROUND) : at], text[end : end + _AROUND]
                found.append(Hit(turn.number, entry.id, before, text[at:end], after))
    return found
