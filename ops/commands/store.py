"""``nexus store …``: what does the event store take up, and is it still what was written?"""

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from domain.errors import NexusError, SetupError

if TYPE_CHECKING:
    from ops.db.seal_check import SealReport
    from ops.home import Home
    from ops.reading import Database
    from ops.store_report import Disks

app = typer.Typer(help="Say what the store takes up, check that nobody changed it, ship again.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]
T = TypeVar("T")


class ChangedLogError(NexusError):
    """Events are not what they were when they were sealed."""


@app.command(epilog="Example: nexus store stats --json | jq .forecast")
def stats(as_json: AsJson = False) -> None:
    """Say what takes up room, how far bodies are deduplicated and compressed, how fast it grows, when the disk is full.

    Only reads: a database role with SELECT will do. Of large tables a sample is read.
    """
    from ops import store_report
    from ops.clock import utc_now
    from ops.db.store_stats import StoreStats, store_stats
    from ops.progress import progress_bar

    async def work(database: "Database") -> tuple[StoreStats, bool]:
        with progress_bar("reading the store"):
            return await store_stats(database.pool, utc_now()), database.embedded

    found, embedded = _with_database(work, migrate=False)
    disks = _disks(embedded=embedded)
    print(json.dumps(store_report.as_json(found, disks)) if as_json else store_report.as_text(found, disks))


@app.command(epilog="Examples:  nexus store check  |  nexus store check --head 1234:9f86d081…")
def check(
    head: Annotated[
        str, typer.Option("--head", metavar="POSITION:DIGEST", help="What an earlier check said: also find a cut end.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Compute the chain of seals over all events anew, and name every event that is not what was appended.

    Exit code 0: all fit, 1: something was changed, removed or put in.
    """
    from ops.db.seal_check import check_seals, digest_at, through
    from ops.progress import progress_bar

    noted = _head(head) if head else None

    async def work(database: "Database") -> "tuple[SealReport, bool]":
        with progress_bar("checking seals") as report:
            found = await check_seals(through(database.pool), report)
        return found, noted is None or await digest_at(through(database.pool), noted[0]) == noted[1]

    found, continues = _with_database(work)
    print(json.dumps(_check_json(found, continues=continues)) if as_json else _check_text(found))
    if not continues:
        raise ChangedLogError("The chain does not go through the noted head: its end was cut or written anew.")
    if found.fault_count:
        raise ChangedLogError(f"{found.fault_count} faults: restore these events from a backup (docs/storage.md).")


@app.command(epilog="Example: nexus store reship")
def reship(as_json: AsJson = False) -> None:
    """After a restore: ship the kept journals of this host again. What the store has already is passed over.

    The shipper of the running `nexus up`, or of the next one, does the work. Needs NEXUS_KEEP_JOURNALS_H.
    """
    from gateway.kept_journals import bring_back

    names = [path.name for path in bring_back(_home().journals)]
    if as_json:
        print(json.dumps({"journals": names}))
    else:
        print(f"{len(names)} kept journals are put back; the shipper takes what the store lacks of them.")


def _head(text: str) -> tuple[int, bytes]:
    position, _, digest = text.partition(":")
    try:
        return int(position), bytes.fromhex(digest)
    except ValueError:
        raise SetupError(f"{text!r} is no head; it is POSITION:DIGEST, as `nexus store check` says it.") from None


def _check_json(found: "SealReport", *, continues: bool) -> dict[str, Any]:
    return {
        "fit": found.events,
        "unsealed": found.unsealed,
        "head": _head_text(found),
        "through_noted_head": continues,
        "fault_count": found.fault_count,
        "faults": [{"first": fault.first, "last": fault.last, "what": fault.what} for fault in found.faults],
    }


def _check_text(found: "SealReport") -> str:
    lines = [f"{found.events:,} events fit their seals."]
    if found.unsealed:
        lines.append(f"{found.unsealed:,} events are older than the seals.")
    lines += [str(fault) for fault in found.faults]
    if found.fault_count > len(found.faults):
        lines.append(f"… and {found.fault_count - len(found.faults):,} more")
    if found.head is not None:
        lines.append(f"Head: {_head_text(found)}")
    return "\n".join(lines)


def _head_text(found: "SealReport") -> str | None:
    return None if found.head is None else f"{found.head.last}:{found.head.digest.hex()}"


def _disks(*, embedded: bool) -> "Disks":
    from gateway.kept_journals import kept_in
    from gateway.unshipped import measure
    from ops.store_report import Disks

    home = _home()
    kept = sum(path.stat().st_size for directory in kept_in(home.journals) for path in directory.glob("*.seg"))
    free = shutil.disk_usage(home.postgres).free if embedded else None
    return Disks(measure(home.journals, {}).disk_bytes, kept, free)


def _home() -> "Home":
    from ops.home import prepare
    from ops.settings import load

    return prepare(load(Path.cwd()).home)


def _with_database(work: "Callable[[Database], Awaitable[T]]", *, migrate: bool = True) -> T:
    from ops.reading import with_database

    return with_database("store", work, migrate=migrate)
