"""Secrets in every field, through everything that can happen to a credential: none comes out but in the signature."""

import base64
import json
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from credentials.credential import decoded
from credentials.credential_files import CredentialFileError
from credentials.credential_store import CredentialStore
from credentials.oauth import Attempt, LoginError, pasted_code, token_answer
from credentials.report import Looked, findings
from credentials.signature import CredentialUnusableError
from credentials.vault import opened_vault
from tests.fake_authorization_server import AuthorizationServer, Fault, running
from tests.kept_credentials import NAME, TurnedClocks, by_hand, client_of, granted, store_in

WORD = "cAnAry7"
CONTENT: dict[str, Any] = {
    "type": "oauth",
    "oauth": {
        "accessToken": f"{WORD}-access", "refreshToken": f"{WORD}-refresh", "expiresAt": 1, "scopes": [f"{WORD}-scope"],
        "isMax": True, "more": f"{WORD}-more",
    },
    "api_key": f"{WORD}-key",
    "client_api_key": f"{WORD}-client",
    "slack": {"webhook_url": f"https://hooks.example/{WORD}"},
    "nexus": {"previousRefreshToken": f"{WORD}-before"},
}  # fmt: skip
FORMS = [
    WORD, WORD.encode().hex(), quote(WORD), base64.b64encode(WORD.encode()).decode().rstrip("=")[:-1],
    base64.b64encode(b"x" + WORD.encode()).decode()[2:-3], base64.b64encode(b"xx" + WORD.encode()).decode()[3:-3],
]  # fmt: skip


def is_clean(text: str) -> bool:
    return not any(form in text for form in FORMS)


def test_the_forms_are_those_that_a_leak_takes() -> None:
    for form in (f"x{WORD}y", json.dumps(WORD), f"{WORD}".encode().hex()):
        assert not is_clean(form)
    for before in (b"", b"x", b"xx", b"xxx"):
        assert not is_clean(base64.b64encode(before + WORD.encode() + b"yy").decode())


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return store_in(tmp_path)


@pytest.mark.parametrize("fault", ["500", "400", "401", "429", "malformed", "html", "array", None])
async def test_no_fault_of_the_server_brings_one_out(
    store: CredentialStore, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    """``None``: the server refuses the tokens, because it does not know them."""
    caplog.set_level("DEBUG")
    file, said = by_hand(store, CONTENT), []
    with running(AuthorizationServer()) as run, capture_logs() as told:
        if fault:
            run.server.faults.append(fault)
        async with opened_vault(store, client_of(run), TurnedClocks().clocks()) as vault:
            for _ in range(2):
                try:
                    await vault.signature(NAME, "team")
                except CredentialUnusableError as error:
                    said.append("".join(traceback.format_exception(error)) + repr(error) + str(error))
            said.append(repr(vault._entries) + repr(vars(vault._refresher)))
    assert len(said) == 3
    assert "credential_read" in [entry["event"] for entry in told]
    assert is_clean(str(told) + caplog.text + "".join(said))
    assert is_clean(file.read_bytes().decode()), "it lies sealed"


async def test_what_the_server_gives_does_not_come_out(
    store: CredentialStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr("secrets.token_hex", lambda size=8: f"{WORD}-{id(object())}")
    with running(AuthorizationServer()) as run, capture_logs() as told:
        store.save(NAME, granted(run.server))
        async with opened_vault(store, client_of(run)) as vault:
            signature = await vault.signature(NAME, "team")
            said = repr(signature) + repr(vault._entries) + repr(vars(vault._refresher))
    assert not is_clean(signature.secrets[0].decode())
    assert told
    assert is_clean(str(told) + caplog.text + said)
    assert all(is_clean(file.read_bytes().decode("latin-1")) for file in store.folder.iterdir())


def _spoilt() -> list[Any]:
    """The content, with each part of it broken."""
    found: list[Any] = [json.dumps(CONTENT).encode()[:-3], f'"{WORD}'.encode(), {**CONTENT, "type": WORD}]
    found += [{**CONTENT, "oauth": {**CONTENT["oauth"], name: {WORD: f"{WORD} x"}}} for name in CONTENT["oauth"]]
    found += [{**CONTENT, name: [WORD]} for name in ("accountId", "nexus", "oauth")]
    found.append({**CONTENT, "nexus": {"previousRefreshToken": f"{WORD} {WORD}"}})
    found.append({"nexus-sealed": 1, "key": WORD, "data": WORD, "nonce": WORD})
    return found


def test_no_broken_file_is_quoted(store: CredentialStore) -> None:
    refusals = [error for content in _spoilt() if (error := refusal(store, content))]
    assert len(refusals) >= 8
    for error in refusals:
        assert is_clean("".join(traceback.format_exception(error)))
        assert is_clean(str(findings([Looked(NAME, None, str(error))], 0)))


def refusal(store: CredentialStore, content: Any) -> CredentialFileError | None:
    by_hand(store, content)
    try:
        kept = store.load(NAME)
    except CredentialFileError as error:
        return error
    assert is_clean(repr(kept))
    return None


def test_no_answer_and_no_paste_is_quoted() -> None:
    for status in (200, 302, 400, 401, 403, 500):
        for error in (WORD, {"type": WORD}, "invalid_grant"):
            body = {"error": error, "error_description": WORD, "access_token": f"{WORD} x", "refresh_token": WORD}
            assert is_clean(repr(token_answer(status, json.dumps(body).encode(), WORD)))
    for pasted in (WORD, f"{WORD}#{WORD}", f"https://x/?code={WORD}&state={WORD}", f"https://x/?error={WORD}"):
        with pytest.raises(LoginError) as caught:
            pasted_code(pasted, Attempt(WORD, "another"))
        assert is_clean("".join(traceback.format_exception(caught.value)))


def test_no_credential_shows_itself() -> None:
    credential = decoded(json.dumps(CONTENT).encode())
    assert is_clean(repr(credential))
