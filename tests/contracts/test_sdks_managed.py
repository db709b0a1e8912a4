"""In managed mode Anthropic's SDKs get what they get without Nexus, and upstream hears the tenant's credential only."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from credentials.signature import Signature
from tests.contracts.sdk_api import SdkApi
from tests.contracts.sdk_python import run_python_sdk
from tests.contracts.seen import all_heard
from tests.contracts.test_sdks import check, directly
from tests.managed import TENANT_KEY, Signer, access, api_key_signature, key
from tests.running_gateway import frames_in, gateway_before
from tests.typescript_sdk import run_typescript_sdk

ONE = key(1, scopes=frozenset({"messages", "count_tokens", "models", "batches", "files"}))
TOKEN = b"sk-ant-oat01-the-tenants-own"
OAUTH = Signature("team.example", ((b"authorization", b"Bearer " + TOKEN),), (b"oauth-2025-04-20",), (TOKEN,))
CREDENTIALS = pytest.mark.parametrize(
    ("signature", "name", "value"),
    [
        pytest.param(api_key_signature(), b"x-api-key", TENANT_KEY, id="api key"),
        pytest.param(OAUTH, b"authorization", b"Bearer " + TOKEN, id="oauth"),
    ],
)
Run = Callable[[str, str], dict[str, Any]]


async def compare(run: Run, root: Path, signature: Signature, name: bytes, value: bytes) -> None:
    client_key = ONE.text.decode()
    outcomes, _ = await directly(lambda url: run(url, client_key))
    signer = Signer(lambda *_: signature)
    async with gateway_before(SdkApi(), root, access(ONE, signer=signer)) as (fake, gateway):
        through = await asyncio.to_thread(run, f"http://127.0.0.1:{gateway.port}", client_key)
        heard = all_heard(fake)
        assert through == outcomes
        check(through, heard)
    for asked in heard:
        found = ((line[0].lower(), line[1].strip()) for line in asked.lines)
        shown = [line for line in found if line[0] in {b"x-api-key", b"authorization"}]
        assert shown == [(name, value)]
        assert ONE.text not in repr(asked).encode()
    for frame in frames_in(root):
        assert ONE.text not in frame.payload
        assert value.removeprefix(b"Bearer ") not in frame.payload


@CREDENTIALS
async def test_the_python_sdk(tmp_path: Path, signature: Signature, name: bytes, value: bytes) -> None:
    await compare(run_python_sdk, tmp_path, signature, name, value)


@CREDENTIALS
@pytest.mark.claude
async def test_the_typescript_sdk(
    typescript_sdk: Path, tmp_path: Path, signature: Signature, name: bytes, value: bytes
) -> None:
    await compare(partial(run_typescript_sdk, typescript_sdk), tmp_path, signature, name, value)
