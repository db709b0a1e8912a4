"""How is the difference of two builds told? Totals first, then some examples of each kind."""

import json
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

import msgspec

from domain.forest_diff import ForestDiff, Overlap, Regrouping, Weight, total
from projections.comparing import Comparison, Regrouped
from projections.read_models.builds import Build
from projections.read_models.forest_overlaps import Linked
from projections.read_models.row_diffs import RowChange, TableDiff

MAX_VALUE = 60
"""Characters of a value that are shown."""


def text(found: Comparison, limit: int) -> str:
    """For people. ``limit``: how many examples of each kind."""
    head = f"{found.live.name}: {_build(found.candidate)} instead of {_build(found.live)}, at position {found.position}"
    if found.is_empty:
        return f"{head}\nno difference"
    regrouped = found.conversations
    return "\n".join(
        [
            head,
            *(_summary(regrouped) if regrouped else ()),
            *(_table_line(one) for one in found.tables if not one.is_empty),
            *(_regrouped(regrouped, limit) if regrouped else _rows(found.tables)),
        ]
    )


def as_json(found: Comparison) -> dict[str, object]:
    """For scripts: whether there is a difference, what changes its conversation in all, and then everything."""
    moved = found.conversations.forest.moved if found.conversations else None
    return {"different": not found.is_empty, "moved": msgspec.to_builtins(moved), **msgspec.to_builtins(found)}


def _build(one: Build) -> str:
    return f"build {one.number} (version {one.version})"


def _summary(found: Regrouped) -> Iterator[str]:
    forest, links = found.forest, found.links
    yield f"exchanges linked otherwise: {links.changed}, {links.parents} with another parent"
    if links.edges:
        yield f"  edges: {_counts(links.edges)}"
    if links.classes:
        yield f"  classes: {_counts(links.classes)}"
    merged = sum(len(one.parts) for one in forest.merges)
    split = sum(len(one.parts) for one in forest.splits)
    yield f"conversations: {merged} merge into others, {split} split off, {len(forest.renames)} get another id"
    yield f"requests that change their conversation: {_weight(forest.moved)}"
    for word, parts in _ways(forest):
        if parts:
            yield f"  {word}: {_weight(total(parts))}"


def _ways(forest: ForestDiff) -> Iterator[tuple[str, tuple[Overlap, ...]]]:
    yield "by merging", tuple(part for one in forest.merges for part in one.parts)
    yield "by splitting off", tuple(part for one in forest.splits for part in one.parts)
    yield "from one that stays to another that stays", forest.moves
    yield "that stood in none before", forest.joins
    yield "that stand in none after", forest.leaves


def _regrouped(found: Regrouped, limit: int) -> Iterator[str]:
    forest, links = found.forest, found.links
    for title, verb, groups in (("merges", "takes in", forest.merges), ("splits", "gives away", forest.splits)):
        lines = [line for one in groups[:limit] for line in _group(one, verb, limit)]
        yield from _titled(title, lines, limit, len(groups))
    flows = (("moves", forest.moves), ("joins", forest.joins), ("leaves", forest.leaves), ("other ids", forest.renames))
    for title, parts in flows:
        lines = [f"  {_end(one.before)} → {_end(one.after)}: {_part(one)}" for one in parts[:limit]]
        yield from _titled(title, lines, limit, len(parts))
    lines = [f"  {one.request_id}: {_linked(one.before)} → {_linked(one.after)}" for one in links.examples]
    yield from _titled("linked otherwise", lines, len(links.examples), links.changed)


def _group(one: Regrouping, verb: str, limit: int) -> Iterator[str]:
    """What goes on, and below it what it takes in or gives away."""
    yield f"  {one.conversation} {verb} {len(one.parts)}"
    for part in one.parts[:limit]:
        other = part.before if part.after == one.conversation else part.after
        yield f"    {_end(other)}: {_part(part)}"
    if len(one.parts) > limit:
        yield f"    … and {len(one.parts) - limit} more"


def _linked(one: Linked | None) -> str:
    if one is None:
        return "no row"
    parent = f" of {one.parent}" if one.parent else ""
    return f"{one.request_class} {one.edge}{parent} ({', '.join(json.loads(one.evidence)) or 'no evidence'})"


def _table_line(one: TableDiff) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(one.rows.items())) or "no row differs"
    columns = f" ({_counts(one.columns)})" if one.columns else ""
    other = [f"; only {side}: {', '.join(names)}" for side, names in _only(one) if names]
    return f"table {one.table}: {kinds}{columns}{''.join(other)}"


def _only(one: TableDiff) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("in the live one", one.only_before), ("in the other", one.only_after)


def _rows(tables: Iterable[TableDiff]) -> Iterator[str]:
    for one in tables:
        lines = [line for row in one.examples for line in _row(row)]
        yield from _titled(one.table, lines, len(one.examples), sum(one.rows.values()))


def _row(row: RowChange) -> Iterator[str]:
    yield f"  {row.kind} {row.key}"
    yield from (f"    {one.column}: {one.before[:MAX_VALUE]} → {one.after[:MAX_VALUE]}" for one in row.columns)


def _titled(title: str, lines: list[str], shown: int, there: int) -> list[str]:
    some = f" ({shown} of {there:,})" if shown < there else ""
    return ["", f"{title}{some}", *lines] if lines else []


def _part(one: Overlap) -> str:
    examples = f"; {', '.join(map(str, one.examples))}" if one.examples else ""
    return f"{_weight(one.weight)}{examples}"


def _end(conversation: UUID | None) -> str:
    return str(conversation) if conversation else "none"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _weight(one: Weight) -> str:
    requests = "1 request" if one.requests == 1 else f"{one.requests:,} requests"
    return (
        f"{requests}; tokens: {one.input_tokens:,} input, {one.output_tokens:,} output, "
        f"{one.cache_read_tokens:,} cache read, {one.cache_write_tokens:,} cache write"
    )
