"""``nexus verify``: is nothing lost? Journals, event store and recordings, read independently of what wrote them."""

from datetime import datetime
from pathlib import Path

from domain.errors import NexusError


class BrokenPromiseError(NexusError):
    """Something that was promised is not so."""


def run(recordings: Path | None, since: str | None, *, as_json: bool) -> None:
    """Raises BrokenPromiseError if anything is wrong."""
    from ops.checking import verdict_text
    from ops.checking.checker import Checked, Place, check
    from ops.clock import utc_now
    from ops.home import prepare
    from ops.progress import progress_bar
    from ops.reading import Database, with_database
    from ops.settings import load

    home = prepare(load(Path.cwd()).home)
    begun = _moment(since, utc_now()) if since else None

    async def work(database: Database) -> Checked:
        place = Place(
            journals=home.journals,
            database=database.url,
            recordings=recordings,
            since=begun,
            only_host=database.embedded,
        )
        with progress_bar("verifying") as report:
            return await check(place, report)

    checked = with_database("verify", work)
    print(verdict_text.as_json(checked) if as_json else verdict_text.as_text(checked))
    if not checked.ok:
        raise BrokenPromiseError(f"{len(checked.violations)} promises are not kept, see above.")


def _moment(text: str, now: datetime) -> datetime:
    """``90d`` is 90 days ago here, a date is its beginning."""
    from datetime import timedelta

    from domain.errors import SetupError
    from ops.moments import moment_in

    moment = moment_in(text, now)
    if moment is None:
        raise SetupError("--since wants a moment: 2h, 7d, 2027-01-31 or 2027-01-31T12:00Z.")
    if len(text.strip()) == len("2027-01-31") and "-" in text:
        return moment - timedelta(days=1)
    return now - (moment - now) if moment > now else moment
