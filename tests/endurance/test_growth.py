"""A long session costs what is new in it: a late turn no more than an early one, the whole very little."""

import inspect
import itertools
import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from domain.parts import cut
from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from tests.bar import Figure
from tests.requirements import scaled
from tests.shipping import TestJournal, new_request_id, received

STORED = "SELECT coalesce(sum(pg_column_size(parts.*)), 0)::bigint FROM parts"
"""Whole rows: keys, references and compressed bytes."""
WHOLE_SESSION = 200
MOST_BYTES = 600_000
RESULT_CHARS = 4500
EARLY, NEAR = 20, 6
"""An early turn, and how many around it are looked at: one alone may hold a long text."""


def turns(count: int) -> Iterator[bytes]:
    """Bodies as Claude Code sends them: everything so far, every time; tool results are pieces of real source code."""
    texts = source_code(RESULT_CHARS)
    frame = {
        "model": "claude-test", "max_tokens": 32000, "stream": True,
        "system": [{"type": "text", "text": next(texts) * 2, "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": f"T{n}", "description": next(texts)[:2500], "input_schema": {}} for n in range(13)],
    }  # fmt: skip
    messages: list[dict[str, object]] = [{"role": "user", "content": [{"type": "text", "text": "Mend it."}]}]
    for turn in range(count):
        use = f"toolu_{turn:024}"
        asked = {"type": "tool_use", "id": use, "name": "T1", "input": {"path": f"/src/{turn}.py"}}
        result = {"type": "tool_result", "tool_use_id": use, "content": next(texts)}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": f"Turn {turn}: I look."}, asked]})
        messages.append({"role": "user", "content": [{**result, "cache_control": {"type": "ephemeral"}}]})
        yield json.dumps({**frame, "messages": messages}).encode()
        messages[-1] = {"role": "user", "content": [result]}


def source_code(length: int) -> Iterator[str]:
    """Pieces of the standard library, no two the same."""
    for path in sorted(Path(inspect.getfile(json)).parents[1].glob("*.py")):
        text = path.read_text("utf-8", errors="replace")
        yield from (text[at : at + length] for at in range(0, len(text) - length, length))


async def test_a_turn_costs_what_is_new_in_it(pool: Pool, figure: Figure) -> None:
    count = scaled(60, WHOLE_SESSION)
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    journal, key = await TestJournal.opened(store), await store.scope_key("tenant")
    raw, sums = 0, [0]
    for body in turns(count):
        parts = cut(body, key)
        await journal.ship(store, [received(new_request_id(), body=parts.reference)], [("tenant", parts)])
        raw += len(body)
        sums.append(await pool.fetchval(STORED))
    costs = [after - before for before, after in itertools.pairwise(sums)]
    early, late = around(costs, EARLY), around(costs, count - EARLY)
    assert late <= 1.5 * early
    if count == WHOLE_SESSION:
        assert raw >= 100_000_000
        assert sums[-1] <= MOST_BYTES
    figure(
        f"{count} turns, {raw / 1e6:.0f} MB of bodies: {sums[-1] / 1e6:.2f} MB of parts and references; a turn "
        f"{early / 1e3:.1f} kB around turn {EARLY}, {late / 1e3:.1f} kB around turn {count - EARLY}"
    )


def around(costs: list[int], turn: int) -> float:
    return statistics.fmean(costs[turn - NEAR : turn + NEAR])
