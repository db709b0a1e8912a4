"""A gateway hears of keys that are issued and revoked while it runs, and its operator of what is unusual."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from credentials import snapshot_file, tombstones
from credentials.credential import ApiKeyCredential
from credentials.signature import CredentialUnusableError, Signature
from credentials.snapshot_file import SNAPSHOT_NAME, KeyFile
from credentials.tombstones import FOLDER_NAME, Tombstone
from credentials.usage_counts import USAGE_NAME, UsageCounts, write
from domain.errors import SetupError
from gateway.config import GatewayConfig
from ops import plan
from ops.configs import Context
from ops.gateway_access import tell_mode, watched
from ops.home import Home, prepare
from ops.lifetime import Lifetime
from ops.reports import Notice
from ops.vaults import credential_store
from tests.fake_upstream import fake_upstream, fixed
from tests.living import Kept, living, settings
from tests.managed import key, snapshot
from tests.waiting import until, until_true


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def told(home: Home, keys: object, **config: object) -> list[str]:
    kept = Kept()
    made = GatewayConfig(journal_root=home.journals, fingerprint_key=b"k", **config)  # type: ignore[arg-type]
    tell_mode(made, keys, Lifetime(reporter=kept))  # type: ignore[arg-type]
    return [report.text for report in kept.reports if isinstance(report, Notice)]


async def test_what_is_written_into_the_home_is_known_while_it_is_watched(home: Home) -> None:
    async with watched(settings(), home) as (access, keys):
        assert not access.keys.has_keys
        assert told(home, keys) == []
        assert "nexus keys create" in told(home, keys, mode="managed")[0]
        snapshot_file.write(home.keys / SNAPSHOT_NAME, KeyFile(snapshot(key()), 1))
        write(home.run / USAGE_NAME, counts := UsageCounts(datetime(2026, 5, 4, tzinfo=UTC), {"k": 1}))
        await until(lambda: access.keys.current == snapshot(key()), "the key")
        await until(lambda: access.usage.current == counts, "the usage")
        assert told(home, keys, mode="managed") == []


async def test_credentials_of_the_home_sign(home: Home) -> None:
    async with watched(settings(), home) as (access, _):
        with pytest.raises(CredentialUnusableError, match="no upstream credential"):
            await access.signer.signature("team.example", "acme")
        credential_store(settings(), home).save("team.example", ApiKeyCredential("sk-ant-api03-theirs", account="acme"))
        found = list[Signature]()

        async def signs() -> bool:
            with suppress(CredentialUnusableError):
                found.append(await access.signer.signature("team.example", "acme"))
            return bool(found)

        await until_true(signs, "the credential")
        assert found[0].lines == ((b"x-api-key", b"sk-ant-api03-theirs"),)


async def test_keys_that_cannot_be_read_are_keys_and_the_operator_hears_why(home: Home) -> None:
    path = home.keys / SNAPSHOT_NAME
    path.write_bytes(b"{torn")
    path.chmod(0o600)
    async with watched(settings(), home) as (access, keys):
        assert access.keys.has_keys
        assert not access.keys.current.keys
        (text,) = told(home, keys)
        assert SNAPSHOT_NAME in text
        assert "refused" in text


async def test_what_is_wrong_with_the_setup_is_said_as_it_is(home: Home) -> None:
    with pytest.raises(SetupError, match="mend it"):
        async with watched(settings(), home):
            raise SetupError("mend it")


async def test_a_key_and_a_credential_in_the_home_pass_a_request_until_the_key_is_revoked(home: Home) -> None:
    one = key()
    snapshot_file.write(home.keys / SNAPSHOT_NAME, KeyFile(snapshot(one), 1))
    async with fake_upstream(fixed(b"{}")) as upstream:
        context = Context(settings(upstream_url=upstream.url), home)
        credential_store(context.settings, home).save("team.example", ApiKeyCredential("sk-ant-api03-theirs"))
        async with living(plan.GATEWAY, context) as ready, aiohttp.ClientSession() as client:

            async def status(*, shown: bytes) -> int:
                headers = {"Authorization": f"Bearer {shown.decode()}"}
                async with client.post(f"{ready.address}/v1/messages", data=b"{}", headers=headers) as answer:
                    return answer.status

            assert await status(shown=one.text) == 200
            assert await status(shown=b"sk-ant-oat01-somebodys") == 401
            stone = Tombstone(one.facts.key_id, "me", "lost", datetime.fromtimestamp(0, UTC))
            tombstones.drop(home.keys / FOLDER_NAME, stone)
            async with asyncio.timeout(5):  # a second is promised, and this machine may be busy
                while await status(shown=one.text) != 401:
                    pass
    assert {tuple(received.all(b"x-api-key")) for received in upstream.requests} == {(b"sk-ant-api03-theirs",)}
    assert not any(received.all(b"authorization") for received in upstream.requests)
