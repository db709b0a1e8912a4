"""The machine: what is missing, unfit, full, mistyped or open to others is found."""

import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ops.doctor import machine
from ops.doctor.findings import Finding, Verdict
from tests.certificates import identity
from tests.doctored import patient


class Usage(NamedTuple):
    total: int
    used: int
    free: int


async def test_this_python_is_well_and_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await machine.python(patient(tmp_path))
    assert found.verdict is Verdict.OK
    assert len(machine._required()) > 10
    monkeypatch.setattr(machine, "requires", lambda _: ["aiohttp>=3", "not-there-at-all>=1", 'pytest; extra == "dev"'])
    assert (await machine.python(patient(tmp_path))).finding == "packages are missing: not-there-at-all"
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (9, 0))
    assert "too old" in (await machine.python(patient(tmp_path))).finding


def open_to_others(root: Path) -> None:
    root.mkdir()
    root.chmod(0o750)


def a_file(root: Path) -> None:
    root.write_text("")


def nothing(_: Path) -> None:
    return


def private(root: Path) -> None:
    root.mkdir(mode=0o700)


@pytest.mark.parametrize(
    ("make", "verdict", "words"),
    [
        (nothing, Verdict.OK, "not there yet"),
        (private, Verdict.OK, "this user's alone"),
        (open_to_others, Verdict.PROBLEM, "can be read by others (mode 750)"),
        (a_file, Verdict.PROBLEM, "is no folder"),
    ],
)
async def test_the_home(tmp_path: Path, make: Callable[[Path], None], verdict: Verdict, words: str) -> None:
    one = patient(tmp_path)
    make(one.home.root)
    found = await machine.home(one)
    assert found.verdict is verdict
    assert words in found.finding


async def test_a_home_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = patient(tmp_path)
    private(one.home.root)
    monkeypatch.setattr(os, "geteuid", lambda: one.home.root.stat().st_uid + 1)
    assert "another user" in (await machine.home(one)).finding


async def test_a_home_that_cannot_be_written_or_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = patient(tmp_path)
    private(one.home.root)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in (await machine.home(one)).finding
    below = patient(tmp_path / "file" / "x")
    (tmp_path / "file").write_text("")
    assert "cannot be looked at" in (await machine.home(below)).finding


@pytest.mark.parametrize(
    ("used", "verdict"), [(80, Verdict.OK), (81, Verdict.WARNING), (90, Verdict.WARNING), (91, Verdict.PROBLEM)]
)
async def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: int, verdict: Verdict) -> None:
    """Also of a home that is not there yet: its nearest folder is looked at."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(120, used, 100 - used))
    assert (await machine.space(patient(tmp_path / "not" / "there"))).verdict is verdict


@pytest.mark.parametrize(
    ("soft", "verdict"), [(1024, Verdict.WARNING), (65536, Verdict.OK), (resource.RLIM_INFINITY, Verdict.OK)]
)
async def test_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soft: int, verdict: Verdict) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 65536))
    assert (await machine.open_files(patient(tmp_path))).verdict is verdict


async def test_a_mistyped_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_GATEWAY_PROT", "3000")
    found = await machine.variables(patient(tmp_path))
    assert (found.verdict, found.finding) == (
        Verdict.WARNING,
        "nobody reads NEXUS_GATEWAY_PROT (NEXUS_GATEWAY_PORT?)",
    )
    monkeypatch.delenv("NEXUS_GATEWAY_PROT")
    assert (await machine.variables(patient(tmp_path))).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ({}, Verdict.OK, "this machine only"),
        ({"gateway_host": ("127.0.0.1", "0.0.0.0")}, Verdict.WARNING, "the gateway listens on 0.0.0.0"),
        ({"dashboard_host": ("10.0.0.7",)}, Verdict.PROBLEM, "the dashboard listens on 10.0.0.7"),
        ({"dashboard_host": ("10.0.0.7",), "dashboard_url": ("https://nexus.example",)}, Verdict.OK, "only"),
        ({"dashboard_host": ("10.0.0.7",), "dashboard_url": ("http://nexus.example",)}, Verdict.PROBLEM, "10.0.0.7"),
    ],
)
async def test_exposure(tmp_path: Path, given: dict[str, Any], verdict: Verdict, words: str) -> None:
    found: Finding = await machine.exposure(patient(tmp_path, **given))
    assert found.verdict is verdict
    assert words in found.finding


async def test_the_certificates(tmp_path: Path) -> None:
    assert "system's" in (await machine.ca_file(patient(tmp_path))).finding
    found = await machine.ca_file(patient(tmp_path, ca_file=identity().write(tmp_path)))
    assert (found.verdict, found.finding.split()[0]) == (Verdict.OK, "1")
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificates")
    assert (await machine.ca_file(patient(tmp_path, ca_file=empty))).verdict is Verdict.PROBLEM
