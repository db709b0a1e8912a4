"""Are the live tables what the events say? Built twice from nothing, once in another process, and compared.

Compared is every table that any of the three builds has, which exchanges were set aside, and whether the views that
readers use show just these tables.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops.plan import command_line
from ops.progress import progress_bar
from ops.projecting import READING_DEADLINE_S, sources
from projections.catching_up import BATCH_EVENTS
from projections.projector import Projection
from projections.read_models.digests import MISSING, SET_ASIDE, Digest
from projections.rebuilding import LiveDigest, live_digest, rebuilt_digest

if TYPE_CHECKING:
    from ops.reading import Database

OTHER_BATCH_EVENTS = 61
"""Of the build in another process: small and odd, unlike the live one's."""
Digests = Mapping[str, Digest]
"""By table."""


async def verify(one: Projection, database: "Database") -> tuple[list[str], bool]:
    """What there is to say, a line for each table, and whether all is as it should be."""
    source = sources(database.pool, READING_DEADLINE_S)
    live = await live_digest(one, source)
    if live is None:
        return [f"{one.name}: not built yet, nothing to verify."], True
    if live.build.version != one.version:
        words = (
            f"{one.name}: build {live.build.number} is live, of version {live.build.version}, and this Nexus builds "
            f"version {one.version}: NOT VERIFIED; `nexus projections diff {one.name}` compares the two."
        )
        return [words], False
    with progress_bar(f"verifying {one.name}") as report:
        here, there = await asyncio.gather(
            rebuilt_digest(one, source, live.position, BATCH_EVENTS, report),
            asyncio.to_thread(in_another_process, one.name, live.position, database),
        )
    wrong = different(live, here, there)
    right = not wrong
    lines = [
        f"{one.name}.{table}: {rows.rows} rows at position {live.position}: {wrong.pop(table, 'equal')}"
        for table, rows in sorted({**dict.fromkeys([*here, *there], MISSING), **live.tables}.items())
    ]
    return [*lines, *(f"{one.name}.{view}: {words}" for view, words in wrong.items())], right


def different(live: LiveDigest, here: Digests, there: Digests) -> dict[str, str]:
    """What is not as it should be, by table or view, in words."""
    return dict([*_tables(live.tables, here, there), *_views(live)])


def _tables(live: Digests, here: Digests, there: Digests) -> Iterator[tuple[str, str]]:
    for table in sorted({*live, *here, *there}):
        found = [side.get(table, MISSING) for side in (live, here, there)]
        if len(set(found)) > 1:
            rows = " / ".join(str(one.rows) for one in found)
            what = "exchanges" if table == SET_ASIDE else "rows"
            yield table, f"DIFFERENT ({what} live / rebuilt / rebuilt in another process: {rows})"


def _views(live: LiveDigest) -> Iterator[tuple[str, str]]:
    for view, shown in live.views.items():
        if shown != live.tables.get(view):
            yield f"read.{view}", "DIFFERENT (readers see another table)"


def in_another_process(name: str, upto: Position, database: "Database") -> dict[str, Digest]:
    """Raises StoreUnavailableError."""
    at = ("--url", database.url) if database.embedded else ()
    command = command_line("projections", "digest", name, str(upto), str(OTHER_BATCH_EVENTS), *at)
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise StoreUnavailableError(f"The other process failed: {' '.join(done.stderr.split()[-30:])}")
    return msgspec.json.decode(done.stdout, type=dict[str, Digest])


def as_json(found: Digests) -> str:
    """How the other process says what it found."""
    return json.dumps({table: asdict(each) for table, each in found.items()})
