"""What the product itself recorded is found right, also while it moves; each kind of damage is found and named."""

from pathlib import Path

from tests.checked import checked_home


async def test_what_the_product_made_is_right(tmp_path: Path, migrated_database: str) -> None:
    home = await checked_home(tmp_path, migrated_database)
    checked = await home.check()
    assert checked.violations == ()
    counts = checked.counts
    assert (counts.exchanges, counts.open, counts.compared, counts.journals) == (4, 1, 4, 1)
    assert counts.chunk_bytes == sum(len(script.answer) for script in home.scripts)
    assert counts.body_bytes == sum(len(script.body) for script in home.scripts)
