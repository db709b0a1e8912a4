"""What Anthropic's SDKs return, raise and retry is the same through the gateway as without it."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.exceptions import Situation, predicted
from tests.contracts.sdk_api import BINARY, ERRORS, SdkApi
from tests.contracts.sdk_python import CALLS, run_python_sdk
from tests.contracts.seen import Asked, Seen, Shown, all_heard, authority
from tests.contracts.test_transparency import ORDINARY
from tests.fake_upstream import fake_upstream
from tests.running_gateway import RunningGateway, gateway_before
from tests.typescript_sdk import run_typescript_sdk
from tests.waiting import until

Run = Callable[[str], dict[str, Any]]
REQUESTS = {"fails 429 at first": 3, "fails 500 at first": 3, "fails 529 at first": 3, "batches: results": 2}
"""Of calls that make more than one."""
_BOUNDARY = re.compile(rb"boundary=([^;\r\n]+)")
_UNSEEN = Shown(b"HTTP/1.1 200 OK", (), b"", "complete")


def known(asked: Asked) -> Asked:
    """With the boundary of a form, which is made by chance, replaced; no other byte changes from run to run."""
    found = _BOUNDARY.search(b"\n".join(value for _, value in asked.lines))
    if found is None:
        return asked
    lines = tuple((name, value.replace(found[1], b"BOUNDARY")) for name, value in asked.lines)
    return replace(asked, lines=lines, body=asked.body.replace(found[1], b"BOUNDARY"))


async def directly(run: Run) -> tuple[dict[str, Any], tuple[Asked, ...]]:
    async with fake_upstream(SdkApi()) as fake:
        return await asyncio.to_thread(run, fake.url), all_heard(fake)


def ends(gateway: RunningGateway) -> Counter[str]:
    """How the recorded exchanges have ended."""
    return Counter(one.end.outcome for one in gateway.recorded() if one.end is not None)


async def compare(run: Run, root: Path) -> tuple[dict[str, Any], tuple[Asked, ...]]:
    """What both ways have given, and what upstream has heard."""
    outcomes, asked = await directly(run)
    async with gateway_before(SdkApi(), root) as (fake, gateway):
        through = await asyncio.to_thread(run, f"http://127.0.0.1:{gateway.port}")
        for name, outcome in outcomes.items():
            assert through[name] == outcome, name
        assert list(through) == list(outcomes)
        heard = all_heard(fake)
        assert len(heard) == len(asked), "no attempt more, none less"
        for direct, behind in zip(asked, heard, strict=True):
            expected, met = predicted(Seen((direct,), _UNSEEN), Situation(direct, authority(fake)))
            assert known(behind) == known(expected.heard[0])
            assert met <= ORDINARY
        await until(lambda: ends(gateway).total() == len(heard), "the end of every exchange")
        assert ends(gateway)["upstream"] == 1, "the stream that breaks"
        assert ends(gateway)["client"] <= 1, "the stream that fails: the SDK reads no further"
    return outcomes, heard


def check(outcomes: dict[str, Any], heard: tuple[Asked, ...]) -> None:
    """The comparison would hold too if every call failed: this is what they should give."""
    assert set(outcomes) == set(CALLS), "both SDKs are called alike"
    broken = {name for name, outcome in outcomes.items() if isinstance(outcome, dict)}
    assert broken == {f"fails {status}" for status in ERRORS} | {"fails without retries"}
    for status in ERRORS:
        assert outcomes[f"fails {status}"]["status"] == status
        assert re.fullmatch(r"req_\d+", outcomes[f"fails {status}"]["id"])
    assert BINARY.hex() in str(outcomes["files: download"])
    for name in ("a stream that fails", "a stream that breaks"):
        assert re.search(r"'Bon\u20ac'.*'error': '\w+Error'", str(outcomes[name])), "what came before it is kept"
    assert len(heard) == len(CALLS) + sum(count - 1 for count in REQUESTS.values())


async def test_the_python_sdk_sees_no_difference(tmp_path: Path) -> None:
    check(*await compare(run_python_sdk, tmp_path))


@pytest.mark.claude
async def test_the_typescript_sdk_sees_no_difference(typescript_sdk: Path, tmp_path: Path) -> None:
    check(*await compare(lambda url: run_typescript_sdk(typescript_sdk, url), tmp_path))
