"""What would readers see otherwise if another build were live? Rows of any projection, and what of conversations."""

from dataclasses import dataclass

from domain.forest_diff import ForestDiff
from domain.forest_diff import compare as compare_forests
from domain.ids import Position
from projections.aligning import Aligned, aligned
from projections.catching_up import Progress, silent
from projections.follower import Sources
from projections.projector import Projection
from projections.read_models import builds, forest_overlaps, row_diffs
from projections.read_models.builds import Build, UnfitBuildError
from projections.read_models.forest_overlaps import LINKS, LinkChanges
from projections.read_models.row_diffs import TableDiff


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What of the conversations is otherwise."""

    forest: ForestDiff
    links: LinkChanges


@dataclass(frozen=True, slots=True)
class Comparison:
    """The live build and a candidate, at one position."""

    live: Build
    candidate: Build
    position: Position
    conversations: Regrouped | None
    """None: the projection has none."""
    tables: tuple[TableDiff, ...]
    """Of every table, also those that are equal."""

    @property
    def is_empty(self) -> bool:
        return all(one.is_empty for one in self.tables)


async def compare(
    projection: Projection, candidate: Build, sources: Sources, limit: int, progress: Progress = silent
) -> Comparison:
    """At most ``limit`` examples of each kind of difference. Raises UnfitBuildError, UnequalPositionsError."""
    async with sources.transactions() as tx:
        live = await builds.live(tx, projection.name)
    if live is None:
        raise UnfitBuildError(f"Nothing is live yet: `nexus projections switch {projection.name}` makes a build live.")
    if live == candidate:
        raise UnfitBuildError(f"Build {candidate.number} is live itself: name another with --build.")
    async with aligned(projection, sources, live, candidate, progress) as pair:
        return Comparison(
            live,
            candidate,
            pair.position,
            await _regrouped(projection, pair, limit),
            tuple(
                [
                    await row_diffs.of_table(pair.tx, pair.before, pair.after, table, limit)
                    for table in await row_diffs.table_names(pair.tx, pair.before, pair.after)
                ]
            ),
        )


async def _regrouped(projection: Projection, pair: Aligned, limit: int) -> Regrouped | None:
    if LINKS not in projection.tables:
        return None
    found = await forest_overlaps.overlaps(pair.tx, pair.before, pair.after, limit)
    return Regrouped(
        compare_forests(found), await forest_overlaps.link_changes(pair.tx, pair.before, pair.after, limit)
    )
