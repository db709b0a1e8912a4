"""Totals come first, then examples; people and scripts are told the same."""

from dataclasses import replace
from uuid import UUID

import msgspec

from domain.forest_diff import ForestDiff, Overlap, Regrouping, Weight
from domain.ids import Position
from ops.diff_text import as_json, text
from projections.comparing import Comparison, Regrouped
from projections.read_models.builds import Build
from projections.read_models.forest_overlaps import LinkChange, LinkChanges, Linked
from projections.read_models.row_diffs import ColumnChange, RowChange, TableDiff


def one(number: int) -> UUID:
    return UUID(int=number)


def overlap(before: int | None, after: int | None, requests: int = 1) -> Overlap:
    weight = Weight(requests, 1_000 * requests, 20, 300, 4)
    ends = (None if end is None else one(end) for end in (before, after))
    return Overlap(next(ends), next(ends), weight, (one(9),))


def tokens(*counts: int) -> str:
    words = ("input", "output", "cache read", "cache write")
    return "tokens: " + ", ".join(f"{count:,} {word}" for count, word in zip(counts, words, strict=True))


EQUAL = TableDiff("nodes", {}, {}, (), (), ())
LINKS = TableDiff("links", {"changed": 2, "added": 1}, {"edge": 2}, (), ("old",), ("new", "newer"))
NO_FOREST = ForestDiff((), (), (), (), (), ())
FOREST = ForestDiff(
    merges=(Regrouping(one(1), (overlap(2, 1, 3), overlap(3, 1))),),
    splits=(Regrouping(one(4), (overlap(4, 5, 2),)),),
    moves=(overlap(1, 4),),
    joins=(overlap(None, 1),),
    leaves=(overlap(4, None),),
    renames=(overlap(6, 7, 8),),
)
CHANGES = LinkChanges(
    changed=2,
    edges={"spawned → root": 1, "root → no row": 1},
    classes={"subagent → main": 1},
    parents=1,
    examples=(
        LinkChange(
            one(8),
            Linked("subagent", "spawned", one(1), '["agent id"]'),
            Linked("main", "root", None, "[]"),
        ),
        LinkChange(one(9), Linked("main", "root", None, '["class", "history"]'), None),
    ),
)
FOUND = Comparison(
    Build("conversations", 1, 3),
    Build("conversations", 2, 4),
    Position(77),
    Regrouped(FOREST, CHANGES),
    (LINKS, EQUAL),
)


def test_no_difference_is_said_in_two_words() -> None:
    same = replace(FOUND, conversations=Regrouped(NO_FOREST, LinkChanges(0, {}, {}, 0, ())), tables=(EQUAL,))
    assert text(same, 5).splitlines() == [
        "conversations: build 4 (version 2) instead of build 3 (version 1), at position 77",
        "no difference",
    ]
    assert as_json(same)["different"] is False


def test_totals_come_first() -> None:
    lines = text(FOUND, 5).splitlines()
    assert lines[1:12] == [
        "exchanges linked otherwise: 2, 1 with another parent",
        "  edges: spawned → root 1, root → no row 1",
        "  classes: subagent → main 1",
        "conversations: 2 merge into others, 1 split off, 1 get another id",
        f"requests that change their conversation: 9 requests; {tokens(9_000, 120, 1_800, 24)}",
        "  by merging: 4 requests; tokens: 4,000 input, 40 output, 600 cache read, 8 cache write",
        "  by splitting off: 2 requests; tokens: 2,000 input, 20 output, 300 cache read, 4 cache write",
        f"  from one that stays to another that stays: 1 request; {tokens(1_000, 20, 300, 4)}",
        "  that stood in none before: 1 request; tokens: 1,000 input, 20 output, 300 cache read, 4 cache write",
        "  that stand in none after: 1 request; tokens: 1,000 input, 20 output, 300 cache read, 4 cache write",
        "table links: 1 added, 2 changed (edge 2); only in the live one: old; only in the other: new, newer",
    ]


def test_examples_say_before_and_after_with_their_evidence() -> None:
    lines = text(FOUND, 5).splitlines()
    titles = [lines[number + 1] for number, line in enumerate(lines) if not line]
    assert titles == ["merges", "splits", "moves", "joins", "leaves", "other ids", "linked otherwise"]
    assert f"    {one(5)}: 2 requests; {tokens(2_000, 20, 300, 4)}; {one(9)}" in lines
    assert f"  {one(1)} takes in 2" in lines
    assert f"  {one(4)} gives away 1" in lines
    assert any(line.startswith(f"    {one(2)}: 3 requests; ") and line.endswith(str(one(9))) for line in lines)
    assert f"  {one(8)}: subagent spawned of {one(1)} (agent id) → main root (no evidence)" in lines
    assert f"  {one(9)}: main root (class, history) → no row" in lines
    assert any(line.startswith(f"  none → {one(1)}: 1 request;") for line in lines)
    assert any(line.startswith(f"  {one(6)} → {one(7)}: 8 requests;") for line in lines)


def test_examples_are_bounded_and_totals_are_not() -> None:
    lines = text(FOUND, 0).splitlines()
    assert "  by merging: 4 requests; tokens: 4,000 input, 40 output, 600 cache read, 8 cache write" in lines
    assert "merges" not in lines
    lines = text(FOUND, 1).splitlines()
    assert [line for line in lines if line.startswith(f"    {one(3)}")] == []
    assert "    … and 1 more" in lines
    many = replace(FOREST, moves=(overlap(1, 4),) * 1200)
    shown = replace(FOUND, conversations=Regrouped(many, replace(CHANGES, changed=90)))
    lines = text(shown, 2).splitlines()
    assert "moves (2 of 1,200)" in lines
    assert "linked otherwise (2 of 90)" in lines
    assert "splits" in lines, "all are shown"


def test_rows_of_other_projections_say_what_became_what() -> None:
    change = RowChange('{"id": 1}', "changed", (ColumnChange("status", "200", "201"), ColumnChange("t", "x" * 99, "y")))
    table = TableDiff("requests", {"changed": 1, "removed": 1}, {"status": 1, "t": 1}, (change,), (), ())
    gone = replace(table, examples=(RowChange('{"id": 2}', "removed", ()),))
    lines = text(replace(FOUND, conversations=None, tables=(table, gone)), 5).splitlines()
    assert lines[1] == "table requests: 1 changed, 1 removed (status 1, t 1)"
    assert lines[3:8] == [
        "",
        "requests (1 of 2)",
        '  changed {"id": 1}',
        "    status: 200 → 201",
        f"    t: {'x' * 60} → y",
    ]
    assert lines[-1] == '  removed {"id": 2}'


def test_a_table_with_other_columns_alone_is_said() -> None:
    lines = text(replace(FOUND, conversations=None, tables=(TableDiff("a", {}, {}, (), (), ("b",)),)), 5).splitlines()
    assert lines[1:] == ["table a: no row differs; only in the other: b"]


def test_scripts_get_everything_as_plain_json() -> None:
    found = msgspec.json.decode(msgspec.json.encode(as_json(FOUND)))
    assert found["different"] is True
    assert found["position"] == 77
    assert found["moved"]["requests"] == 9
    assert as_json(replace(FOUND, conversations=None))["moved"] is None
    assert found["conversations"]["forest"]["merges"][0]["parts"][0]["weight"]["input_tokens"] == 3_000
    assert found["conversations"]["links"]["edges"] == {"spawned → root": 1, "root → no row": 1}
