"""Whether a team can work: keys that hold, and for each of them something to sign with; looking changes nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credentials import snapshot_file
from credentials.credential import ApiKeyCredential
from credentials.key_snapshot import KeySnapshot
from credentials.snapshot_file import SNAPSHOT_NAME, KeyFile
from ops.clock import utc_now
from ops.doctor import team
from ops.doctor.findings import Patient, Verdict
from ops.home import prepare
from ops.vaults import credential_store
from tests.doctored import files_of, patient
from tests.managed import TestKey, key

ONE, OTHER = key(1, client_domain="a.example", account="acme"), key(2, client_domain="b.example", account="other")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def with_keys(tmp_path: Path, *keys: TestKey, **settings: object) -> Patient:
    found = patient(tmp_path, **settings)
    prepare(found.home.root)
    if keys:
        snapshot = KeySnapshot({one.facts.key_id: one.facts for one in keys})
        snapshot_file.write(found.home.keys / SNAPSHOT_NAME, KeyFile(snapshot, 1))
    return found


def keep(who: Patient, domain: str, account: str | None) -> None:
    store = credential_store(who.settings, who.home)
    with store.locked(domain):
        store.save(domain, ApiKeyCredential(api_key="sk-ant-api03-secret", account=account))


async def test_without_keys_on_loopback_nothing_is_needed(tmp_path: Path) -> None:
    who = with_keys(tmp_path)
    before = files_of(who.home.root)
    keys, credentials = await team.keys(who), await team.credentials(who)
    assert (keys.verdict, credentials.verdict) == (Verdict.OK, Verdict.OK)
    assert "pass-through" in keys.finding
    assert files_of(who.home.root) == before, "not even a key is made"


async def test_a_team_in_order(tmp_path: Path) -> None:
    who = with_keys(tmp_path, ONE, OTHER)
    keep(who, "a.example", "acme")
    keep(who, "elsewhere.example", "other")
    before = files_of(who.home.root)
    keys, credentials = await team.keys(who), await team.credentials(who)
    assert (keys.verdict, keys.finding) == (Verdict.OK, "managed mode, 2 client keys in force")
    assert (credentials.verdict, credentials.finding.startswith("2 stored, all well")) == (Verdict.OK, True)
    assert files_of(who.home.root) == before
    assert "secret" not in f"{keys}{credentials}"


@pytest.mark.parametrize(
    "gone", [{"revoked_at": LONG_AGO}, {"expires_at": LONG_AGO}, {"revoked_at": LONG_AGO, "expires_at": LONG_AGO}]
)
async def test_keys_that_hold_no_more_are_no_keys(tmp_path: Path, gone: dict[str, datetime]) -> None:
    who = with_keys(tmp_path, key(1, **gone))
    found = await team.keys(who)
    assert (found.verdict, "nexus keys create" in found.mend) == (Verdict.PROBLEM, True)
    assert (await team.credentials(who)).verdict is Verdict.OK


async def test_a_key_that_ends_later_is_in_force(tmp_path: Path) -> None:
    who = with_keys(tmp_path, key(1, expires_at=utc_now() + timedelta(days=1)))
    assert (await team.keys(who)).finding == "managed mode, 1 client key in force"


async def test_managed_mode_without_a_key(tmp_path: Path) -> None:
    assert (await team.keys(with_keys(tmp_path, mode="managed"))).verdict is Verdict.PROBLEM
    assert (await team.keys(with_keys(tmp_path, gateway_host=("0.0.0.0",)))).verdict is Verdict.PROBLEM


async def test_keys_that_cannot_be_read(tmp_path: Path) -> None:
    who = with_keys(tmp_path, ONE)
    (who.home.keys / SNAPSHOT_NAME).write_bytes(b"{}")
    found = await team.keys(who)
    assert (found.verdict, "cannot be read" in found.finding) == (Verdict.PROBLEM, True)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ([], "no upstream credential of a.example"),
        ([("a.example", "other")], "belongs to another account"),
        ([("x.example", "acme"), ("y.example", "acme")], "more than one of its account"),
    ],
)
async def test_a_key_that_nothing_signs_for(tmp_path: Path, stored: list[tuple[str, str]], words: str) -> None:
    who = with_keys(tmp_path, ONE)
    for domain, account in stored:
        keep(who, domain, account)
    found = await team.credentials(who)
    assert (found.verdict, words in found.finding) == (Verdict.PROBLEM, True)


async def test_credentials_that_nobody_can_open(tmp_path: Path) -> None:
    who = with_keys(tmp_path)
    keep(who, "a.example", "acme")
    (who.home.credentials / "a.example.credentials.json").chmod(0o644)
    found = await team.credentials(who)
    assert (found.verdict, "a.example" in found.finding) == (Verdict.PROBLEM, True)
    (who.home.keys / "credentials.key").unlink()
    assert "is gone" in (await team.credentials(who)).finding
