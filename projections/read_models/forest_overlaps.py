"""How do two builds of ``conversations`` sort the same exchanges, and which exchanges are linked otherwise?

Columns are asked for by name: builds of two versions may have more of them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from domain.errors import SetupError
from domain.forest_diff import Overlap, Weight
from projections.read_models import catalog
from projections.read_models.builds import Build, named
from projections.read_models.connection import Connection

LINKS = "links"
OVERLAPS = """
SELECT b.conversation_id AS before, a.conversation_id AS after, count(*) AS requests,
    coalesce(sum(r.input_tokens), 0)::bigint AS input_tokens,
    coalesce(sum(r.output_tokens), 0)::bigint AS output_tokens,
    coalesce(sum(r.cache_read_tokens), 0)::bigint AS cache_read_tokens,
    (coalesce(sum(r.cache_write_5m_tokens), 0) + coalesce(sum(r.cache_write_1h_tokens), 0))::bigint
        AS cache_write_tokens,
    (array_agg(request_id ORDER BY coalesce(a.received_at, b.received_at), request_id)
        FILTER (WHERE a.conversation_id IS DISTINCT FROM b.conversation_id))[1:$1::int] AS examples
FROM {before}.links b FULL JOIN {after}.links a USING (request_id) LEFT JOIN read.requests r USING (request_id)
GROUP BY 1, 2
"""
CHANGED_LINKS = """
SELECT request_id,
    b.request_class AS class_before, b.edge AS edge_before, b.parent_request_id AS parent_before,
    jsonb_path_query_array(b.evidence, '$[*].kind')::text AS evidence_before,
    a.request_class AS class_after, a.edge AS edge_after, a.parent_request_id AS parent_after,
    jsonb_path_query_array(a.evidence, '$[*].kind')::text AS evidence_after
FROM {before}.links b FULL JOIN {after}.links a USING (request_id)
WHERE (b.request_class, b.edge, b.parent_request_id) IS DISTINCT FROM (a.request_class, a.edge, a.parent_request_id)
ORDER BY coalesce(a.received_at, b.received_at), request_id
"""
PREFETCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Linked:
    """How one side links an exchange."""

    request_class: str
    edge: str
    parent: UUID | None
    evidence: str
    """The kinds, as JSON."""


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One exchange; None: that side has no row for it."""

    request_id: UUID
    before: Linked | None
    after: Linked | None


@dataclass(frozen=True, slots=True)
class LinkChanges:
    """All exchanges of another class, edge or parent; counted, some as examples."""

    changed: int
    edges: Mapping[str, int]
    """By ``before → after``; an edge that stays is listed too: its class or parent changed."""
    classes: Mapping[str, int]
    parents: int
    examples: tuple[LinkChange, ...]


async def overlaps(tx: Connection, before: Build, after: Build, examples: int) -> list[Overlap]:
    """Raises SetupError: there is nothing to take the tokens from."""
    if not (await catalog.columns(tx, "read", "requests")).names:
        raise SetupError("Tokens stand in `requests`, which is not built; run `nexus projections rebuild requests`.")
    query = named(OVERLAPS, before=before.schema, after=after.schema)
    return [_overlap(row) for row in await tx.fetch(query, examples)]


async def link_changes(tx: Connection, before: Build, after: Build, limit: int) -> LinkChanges:
    """At most ``limit`` examples, the oldest first."""
    edges, classes, parents = Counter[str](), Counter[str](), 0
    examples = list[LinkChange]()
    query = named(CHANGED_LINKS, before=before.schema, after=after.schema)
    async for row in tx.cursor(query, prefetch=PREFETCH_ROWS):
        edges[_step(row, "edge")] += 1
        if row["class_before"] != row["class_after"]:
            classes[_step(row, "class")] += 1
        parents += row["parent_before"] != row["parent_after"]
        if len(examples) < limit:
            examples.append(LinkChange(row["request_id"], _linked(row, "before"), _linked(row, "after")))
    return LinkChanges(edges.total(), dict(edges.most_common()), dict(classes.most_common()), parents, tuple(examples))


def _overlap(row: asyncpg.Record) -> Overlap:
    weight = Weight(
        row["requests"],
        row["input_tokens"],
        row["output_tokens"],
        row["cache_read_tokens"],
        row["cache_write_tokens"],
    )
    return Overlap(row["before"], row["after"], weight, tuple(row["examples"] or ()))


def _step(row: asyncpg.Record, what: str) -> str:
    return f"{row[f'{what}_before'] or 'no row'} → {row[f'{what}_after'] or 'no row'}"


def _linked(row: asyncpg.Record, side: str) -> Linked | None:
    if row[f"edge_{side}"] is None:
        return None
    return Linked(row[f"class_{side}"], row[f"edge_{side}"], row[f"parent_{side}"], row[f"evidence_{side}"])
