"""The vault signs for a tenant with that tenant's credential, sees changes at once, and never uses somebody else's."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from credentials.credential import ApiKeyCredential, LoginNeeded, OAuthCredential
from credentials.credential_store import CredentialStore
from credentials.sealing import SealKey, is_sealed
from credentials.signature import CredentialUnusableError, Signature, Signer
from credentials.vault import Vault, opened_vault
from tests.fake_authorization_server import AuthorizationServer, running
from tests.kept_credentials import (
    KEY,
    NAME,
    TurnedClocks,
    api_key,
    by_hand,
    client_of,
    granted,
    oauth_of,
    store_in,
)
from tests.waiting import until, until_true


class NoServer:
    """Nobody asks it."""

    async def refresh(self, refresh_token: str) -> object:
        raise AssertionError("nobody had to be asked")


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return store_in(tmp_path)


@pytest.fixture
async def vault(store: CredentialStore) -> AsyncIterator[Vault]:
    async with opened_vault(store, NoServer()) as opened:  # type: ignore[arg-type]  # it never answers
        yield opened


async def why_not(signer: Signer, domain: str = NAME, account: str = "team") -> CredentialUnusableError:
    with pytest.raises(CredentialUnusableError) as caught:
        await signer.signature(domain, account)
    return caught.value


async def secret(signer: Signer, domain: str = NAME, account: str = "team") -> str:
    [found] = (await signer.signature(domain, account)).secrets
    return found.decode()


async def test_the_domains_own_file_signs(store: CredentialStore, vault: Vault) -> None:
    by_hand(store, api_key("sk-1"))
    await vault.look()
    signature = await vault.signature(NAME, "anybody")
    assert (signature.credential, signature.lines) == (NAME, ((b"x-api-key", b"sk-1"),))


async def test_nothing_there_is_missing_and_says_what_to_do(vault: Vault) -> None:
    error = await why_not(vault)
    assert (error.why, "nexus credentials add" in str(error)) == ("missing", True)


async def test_a_file_of_another_account_is_never_used(store: CredentialStore, vault: Vault) -> None:
    by_hand(store, api_key("sk-1", accountId="others"))
    by_hand(store, api_key("sk-2", accountId="team"), "second.example")
    await vault.look()
    error = await why_not(vault)
    assert (error.why, "another account" in str(error)) == ("missing", True)
    assert await secret(vault, NAME, "others") == "sk-1"


async def test_without_a_file_of_the_domain_the_one_of_the_account_signs(store: CredentialStore, vault: Vault) -> None:
    by_hand(store, api_key("sk-1", accountId="team"), "first.example")
    by_hand(store, api_key("sk-2"), "open.example")
    await vault.look()
    assert (await vault.signature(NAME, "team")).credential == "first.example"
    assert (await why_not(vault, NAME, "others")).why == "missing"
    by_hand(store, api_key("sk-3", accountId="team"), "third.example")
    await vault.look()
    assert "more than one" in str(await why_not(vault))


@pytest.mark.parametrize("domain", ["", "..", "../acme", "ACME.example", "unknown", "a:1", "*", "acme.example."])
async def test_no_other_name_finds_a_file(store: CredentialStore, vault: Vault, domain: str) -> None:
    by_hand(store, api_key())
    await vault.look()
    assert (await why_not(vault, domain)).why == "missing"


async def test_a_plain_file_is_sealed_when_it_is_first_read(store: CredentialStore, vault: Vault) -> None:
    file = by_hand(store, api_key("sk-canary"))
    await vault.look()
    assert is_sealed(file.read_bytes())
    assert b"canary" not in file.read_bytes()
    await vault.look()
    assert await secret(vault) == "sk-canary"


async def test_a_file_that_cannot_be_sealed_is_used_and_the_reason_told(
    store: CredentialStore, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = by_hand(store, api_key("sk-canary", notes="x" * 30_000))
    with capture_logs() as logs:
        await vault.look()
    assert await secret(vault) == "sk-canary"
    assert not is_sealed(file.read_bytes())
    assert "credential_not_sealed" in [entry["event"] for entry in logs]
    assert "canary" not in str(logs)


async def test_changes_are_seen_within_a_second_by_itself(store: CredentialStore, vault: Vault) -> None:
    for number in range(3):
        store.save(NAME, ApiKeyCredential(f"sk-{number}"))

        async def is_seen(expected: str = f"sk-{number}") -> bool:
            try:
                return await secret(vault) == expected
            except CredentialUnusableError:
                return False

        await asyncio.wait_for(until_true(is_seen), 1.0)
    store.remove(NAME)

    async def is_gone() -> bool:
        try:
            await vault.signature(NAME, "team")
        except CredentialUnusableError:
            return True
        return False

    await asyncio.wait_for(until_true(is_gone), 1.0)


async def test_a_change_within_one_tick_of_the_clock_is_seen(
    store: CredentialStore, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file looks the same from outside, and is read again all the same while it is young."""
    monkeypatch.setattr("credentials.vault._UNSETTLED_NS", 2**62)
    store.save(NAME, ApiKeyCredential("sk-1"))
    seen = store.look()
    monkeypatch.setattr(store, "look", lambda: seen)
    await vault.look()
    store.save(NAME, ApiKeyCredential("sk-2"))
    await vault.look()
    assert await secret(vault) == "sk-2"
    monkeypatch.setattr("credentials.vault._UNSETTLED_NS", 0)
    await vault.look()
    store.save(NAME, ApiKeyCredential("sk-3"))
    await vault.look()
    assert await secret(vault) == "sk-2", "an old file that looks the same is not read"


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])


def _open(file: Path) -> None:
    file.chmod(0o644)


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _link(file: Path) -> None:
    file.rename(file.with_suffix(".elsewhere"))
    file.symlink_to(file.with_suffix(".elsewhere"))


def _giant(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(1 << 30)


def _folder_open(file: Path) -> None:
    file.parent.chmod(0o755)


def _renamed(file: Path) -> None:
    shutil.copy2(file.with_name("other.example.credentials.json"), file)


@pytest.mark.parametrize(
    "spoil",
    [_empty, _half, _open, _fifo, _link, _giant, _folder_open, _renamed],
    ids=lambda one: one.__name__,
)
async def test_a_spoilt_file_is_refused_after_a_second_and_nothing_else_used(
    store: CredentialStore, spoil: Callable[[Path], None]
) -> None:
    turned = TurnedClocks()
    store.save(NAME, ApiKeyCredential("sk-canary", "team"))
    store.save("other.example", ApiKeyCredential("sk-2", "team"))
    file = store.folder / f"{NAME}.credentials.json"
    with capture_logs() as logs:
        async with opened_vault(store, NoServer(), turned.clocks()) as vault:  # type: ignore[arg-type]  # never asked
            assert await secret(vault) == "sk-canary"
            spoil(file)
            await vault.look()
            assert await secret(vault) == "sk-canary", "it may be half way through being replaced"
            turned.pass_(1.01)
            await vault.look()
            error = await why_not(vault)
            assert error.why == "unavailable"
            assert str(store.folder) not in str(error), "a client learns no path"
            store.folder.chmod(0o700)
            if file.is_symlink() or file.is_fifo():
                file.unlink()
            store.save(NAME, ApiKeyCredential("sk-3", "team"))
            await vault.look()
            assert await secret(vault) == "sk-3"
    told = [entry["why"] for entry in logs if entry["event"] == "credential_unusable"]
    assert told
    assert "canary" not in str(logs)


async def test_a_file_that_was_never_good_is_refused_at_once(store: CredentialStore, vault: Vault) -> None:
    by_hand(store, api_key("sk-2", accountId="team"), "other.example")
    for content, mode in ((b"{", 0o600), (api_key(), 0o644)):
        by_hand(store, content, mode=mode)
        await vault.look()
        assert (await why_not(vault)).why == "unavailable"


async def test_a_spoilt_file_found_by_its_account_is_not_just_missing(store: CredentialStore) -> None:
    turned = TurnedClocks()
    store.save("other.example", ApiKeyCredential("sk", "team"))
    async with opened_vault(store, NoServer(), turned.clocks()) as vault:  # type: ignore[arg-type]  # never asked
        (store.folder / "other.example.credentials.json").write_bytes(b"")
        await vault.look()
        turned.pass_(2)
        assert (await why_not(vault)).why == "unavailable"


async def test_a_disk_that_fails_for_a_moment_is_read_again(
    store: CredentialStore, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(NAME, ApiKeyCredential("sk-1"))
    with monkeypatch.context() as patch:
        patch.setattr("os.read", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        await vault.look()
        assert (await why_not(vault)).why == "unavailable"
    await vault.look()
    assert await secret(vault) == "sk-1"


async def test_a_wrong_key_is_told_and_nothing_is_changed(store: CredentialStore) -> None:
    store.save(NAME, ApiKeyCredential("sk-1"))
    before = (store.folder / f"{NAME}.credentials.json").read_bytes()
    other = CredentialStore(store.folder, SealKey(b"o" * 32))
    with capture_logs() as logs:
        async with opened_vault(other, NoServer()) as vault:  # type: ignore[arg-type]  # it never answers
            assert (await why_not(vault)).why == "unavailable"
    assert "sealed with another key" in str(logs)
    assert (store.folder / f"{NAME}.credentials.json").read_bytes() == before


async def test_the_loop_never_opens_a_file(
    store: CredentialStore, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    loop_thread, opened_in = threading.get_ident(), []
    real = os.open

    def note(*arguments: object, **named: object) -> int:
        opened_in.append(threading.get_ident())
        return real(*arguments, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr("os.open", note)
    by_hand(store, api_key())
    await vault.look()
    await vault.signature(NAME, "team")
    assert opened_in
    assert loop_thread not in opened_in


async def test_an_api_key_that_is_refused_has_no_other(store: CredentialStore, vault: Vault) -> None:
    store.save(NAME, ApiKeyCredential("sk-1"))
    await vault.look()
    refused = await vault.signature(NAME, "team")
    assert await vault.renewed(refused) is None
    store.save(NAME, ApiKeyCredential("sk-2"))
    found = await vault.renewed(refused)
    assert found is not None
    assert found.secrets == (b"sk-2",), "it was replaced just now"


async def test_what_was_removed_is_not_renewed(store: CredentialStore, vault: Vault) -> None:
    with pytest.raises(CredentialUnusableError):
        await vault.renewed(Signature("gone.example", ()))


# OAuth


async def test_an_expired_token_is_refreshed_before_it_signs(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        old = granted(run.server)
        store.save(NAME, old)
        async with opened_vault(store, client_of(run)) as vault:
            found = await asyncio.gather(*(vault.signature(NAME, "team") for _ in range(50)))
            assert len({one.lines for one in found}) == 1
            assert found[0].secrets != (old.access_token.encode(),)
            assert found[0].betas == (b"oauth-2025-04-20",)
            assert run.server.takes(dict(found[0].lines)[b"authorization"].decode(), "")
            assert await vault.signature(NAME, "team") == found[0]
        assert run.server.refreshes == 1


async def test_a_token_near_its_end_signs_while_the_next_is_fetched(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        turned = TurnedClocks()
        run.server.faults.append("slow")
        old = granted(run.server, expires_at_ms=int(turned.wall_s * 1000) + 200_000)
        store.save(NAME, old)
        async with opened_vault(store, client_of(run), turned.clocks()) as vault:
            assert await secret(vault) == await secret(vault) == old.access_token
            await until(lambda: run.server.in_flight)
            run.server.may_answer.set()

            async def is_new() -> bool:
                return await secret(vault) != old.access_token

            await until_true(is_new)
        assert run.server.refreshes == 1


async def test_a_refused_token_is_refreshed_once_for_all_who_had_it(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        store.save(NAME, granted(run.server, expires_at_ms=2**51))
        async with opened_vault(store, client_of(run)) as vault:
            refused = await vault.signature(NAME, "team")
            found = await asyncio.gather(*(vault.renewed(refused) for _ in range(20)))
            assert len(set(found)) == 1
            assert found[0] is not None
            assert found[0] != refused
            assert await vault.renewed(refused) == found[0], "somebody else has refreshed in the meantime"
            assert await vault.renewed(found[0]) is None, "it is new; another would not be accepted either"
        assert run.server.refreshes == 1


async def test_a_refused_token_that_another_process_replaced_is_not_refreshed(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        store.save(NAME, granted(run.server, expires_at_ms=2**51))
        async with opened_vault(store, client_of(run)) as vault:
            refused = await vault.signature(NAME, "team")
            fresh = granted(run.server, expires_at_ms=2**51)
            store.save(NAME, fresh)
            found = await vault.renewed(refused)
            assert found is not None
            assert found.secrets == (fresh.access_token.encode(),)
        assert run.server.refreshes == 0


async def test_an_ended_login_is_told_until_there_is_another(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        old = granted(run.server)
        store.save(NAME, old)
        run.server.refresh_tokens[old.refresh_token or ""].revoked = True
        async with opened_vault(store, client_of(run)) as vault:
            for _ in range(3):
                assert (await why_not(vault)).why == "login_needed"
                await vault.look()
            with pytest.raises(CredentialUnusableError, match="has ended"):
                await vault.renewed(Signature(NAME, ((b"authorization", b"Bearer " + old.access_token.encode()),)))
            assert run.server.refreshes == 1
            login = granted(run.server, expires_at_ms=2**51)
            store.save(NAME, login)
            await vault.look()
            assert await secret(vault) == login.access_token


async def test_an_ended_login_is_known_after_a_restart(store: CredentialStore, vault: Vault) -> None:
    store.save(NAME, OAuthCredential("a", "r", 2**51, login_needed=LoginNeeded("revoked", 1)))
    await vault.look()
    assert (await why_not(vault)).why == "login_needed"


async def test_when_the_server_is_away_the_token_is_used_to_its_end(store: CredentialStore) -> None:
    turned = TurnedClocks()
    with running(AuthorizationServer()) as run:
        old = granted(run.server, expires_at_ms=int(turned.wall_s * 1000) + 200_000)
    store.save(NAME, old)
    async with opened_vault(store, client_of(run), turned.clocks()) as vault:
        assert await secret(vault) == old.access_token
        turned.pass_(180)
        assert await secret(vault) == old.access_token
        turned.pass_(30)
        error = await why_not(vault)
        assert (error.why, "cannot be refreshed" in str(error)) == ("unavailable", True)


async def test_what_a_crash_left_is_adopted_at_the_start(store: CredentialStore) -> None:
    with running(AuthorizationServer()) as run:
        old = granted(run.server)
        new = replace(
            granted(run.server, expires_at_ms=2**51), previous_refresh_token=old.refresh_token, refreshed_at_ms=1
        )
        store.save(NAME, old)
        room = store.reserve(NAME)
        room.fill(store._sealed(NAME, new))
        room.close()
        async with opened_vault(CredentialStore(store.folder, KEY), client_of(run)) as vault:
            assert await secret(vault) == new.access_token
        assert run.server.refreshes == 0
    assert oauth_of(store) == new
    assert not store.look().pending


async def test_unsaved_tokens_sign(store: CredentialStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with running(AuthorizationServer()) as run:
        store.save(NAME, granted(run.server))
        monkeypatch.setattr("os.posix_fallocate", full)
        monkeypatch.setattr("credentials.credential_files._write_all", full)
        async with opened_vault(store, client_of(run)) as vault:
            first = await secret(vault)
            await vault.look()
            assert await secret(vault) == first
            assert run.server.refreshes == 1
            monkeypatch.undo()
        assert oauth_of(store).access_token == first


async def test_a_removed_credential_does_not_sign_though_its_token_is_unsaved(
    store: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with running(AuthorizationServer()) as run:
        store.save(NAME, granted(run.server))
        monkeypatch.setattr("os.posix_fallocate", full)
        monkeypatch.setattr("credentials.credential_files._write_all", full)
        async with opened_vault(store, client_of(run)) as vault:
            await vault.signature(NAME, "team")
            store.remove(NAME)
            await vault.look()
            assert (await why_not(vault)).why == "missing"
