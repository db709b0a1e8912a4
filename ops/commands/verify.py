"""``nexus verify``: is nothing lost? Journals, event store and recordings, read independently of what wrote them."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from domain.errors import NexusError, SetupError
from ops.moments import moment_in

if TYPE_CHECKING:
    from ops.checking.recording_rules import Excuse

_DATE, _SPAN = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d+[a-z]", re.IGNORECASE)


class BrokenPromiseError(NexusError):
    """Something that was promised is not so."""


def run(recordings: Path | None, since: str | None, excused: Collection[str] = (), *, as_json: bool) -> None:
    """Raises BrokenPromiseError if anything is wrong."""
    from ops.checking import verdict_text
    from ops.checking.checker import Checked, Place, check
    from ops.clock import utc_now
    from ops.home import prepare
    from ops.progress import progress_bar
    from ops.reading import Database, with_database
    from ops.settings import load

    home = prepare(load(Path.cwd()).home)
    begun = moment(since, utc_now()) if since else None
    excuses = excuses_in(excused)

    async def work(database: Database) -> Checked:
        place = Place(
            journals=home.journals,
            database=database.url,
            recordings=recordings,
            since=begun,
            only_host=database.embedded,
            excuses=excuses,
        )
        with progress_bar("verifying") as report:
            return await check(place, report)

    checked = with_database("verify", work)
    print(verdict_text.as_json(checked) if as_json else verdict_text.as_text(checked))
    if not checked.ok:
        raise BrokenPromiseError(f"{len(checked.violations)} promises are not kept, see above.")


def excuses_in(words: Collection[str]) -> "frozenset[Excuse]":
    """Raises SetupError."""
    from ops.checking.recording_rules import Excuse

    known: tuple[Excuse, ...] = get_args(Excuse)
    if unknown := set(words) - set(known):
        raise SetupError(f"{min(unknown)!r} is no excuse; there are {' and '.join(known)}.")
    return frozenset(one for one in known if one in words)


def moment(text: str, now: datetime) -> datetime:
    """``2h`` is two hours ago here, a date is its beginning. Raises SetupError."""
    found = moment_in(text, now)
    if found is None:
        raise SetupError("--since wants a moment: 2h, 7d, 2027-01-31 or 2027-01-31T12:00Z.")
    if _DATE.fullmatch(text.strip()):
        return found - timedelta(days=1)
    return now - (found - now) if _SPAN.fullmatch(text.strip()) else found
