"""The list of projections is complete and names what exists."""

import pytest

from domain.errors import SetupError
from projections.projector import Projection
from projections.read_models.builds import FOLDER
from projections.registry import PROJECTIONS, projection


def test_a_projection_is_found_by_name_and_another_name_is_refused() -> None:
    assert [projection(one.name) for one in PROJECTIONS] == list(PROJECTIONS)
    with pytest.raises(SetupError, match="requests, limits, conversations, cache, search"):
        projection("missing")


@pytest.mark.parametrize("one", PROJECTIONS, ids=lambda one: one.name)
def test_every_table_is_made_by_the_schema_file_and_every_view_is_a_table(one: Projection) -> None:
    made = (FOLDER / one.schema_file).read_text()
    assert sorted(one.tables) == sorted(
        line.split()[2] for line in made.splitlines() if line.startswith("CREATE TABLE")
    )
    assert set(one.views) <= set(one.tables)


def test_no_two_projections_show_a_view_of_one_name() -> None:
    views = [view for one in PROJECTIONS for view in one.views]
    assert len(views) == len(set(views))
