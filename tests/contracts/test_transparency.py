"""Through the gateway everything is as it is without it, but for a table of exceptions that the docs show."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from domain.key_scopes import ALL
from tests.contracts.cases import API, CASES, NO_KEY
from tests.contracts.exceptions import DIFFERENCES, Situation, predicted
from tests.contracts.seen import Asked, Case, directly, start_and_lines, through_the_gateway
from tests.documents import ROOT, differences_table, own_answers_table
from tests.managed import TENANT_KEY, access, key

Run = Callable[[Coroutine[Any, Any, None]], None]
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
UNKNOWN = "no path that anybody knows"
"""In managed mode no scope lets it through."""
ORDINARY = {
    "Host",
    "Request of unknown length",
    "Hop-by-hop lines of a request",
    "Answer of unknown length",
    "Hop-by-hop lines of an answer",
    "Request id",
    "Way of breaking",
}
"""The exceptions that Claude Code and the SDKs meet."""


def sent(case: Case) -> Asked:
    head, _, body = case.sent.partition(b"\r\n\r\n")
    start, lines = start_and_lines(head)
    method, target, version = start.split(b" ")
    return Asked(method, target, version, lines, body)


async def compare(case: Case, root: Path) -> None:
    direct, through = await directly(case), await through_the_gateway(case, root)
    expected, _ = predicted(direct, Situation(sent(case), through.authority))
    assert through.seen == expected
    (recorded,) = through.recorded
    assert recorded.answer == direct.shown.body, "what was recorded is what the client saw"
    assert recorded.body == direct.heard[0].body


@pytest.mark.bar(35)
@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_direct_and_through_are_the_same_but_for_the_table(case: Case, run: Run, tmp_path: Path) -> None:
    run(compare(case, tmp_path))


@pytest.mark.parametrize("case", [case for name, case in API.items() if name != UNKNOWN])
async def test_in_managed_mode_only_the_credential_is_another_besides(case: Case, tmp_path: Path) -> None:
    mine = key(scopes=frozenset({ALL}))
    case = replace(case, sent=case.sent.replace(NO_KEY, mine.text))
    direct, through = await directly(case), await through_the_gateway(case, tmp_path, access(mine))
    situation = Situation(sent(case), through.authority, ((b"x-api-key", b" " + TENANT_KEY),))
    expected, names = predicted(direct, situation)
    assert through.seen == expected
    assert "Credential" in names
    (recorded,) = through.recorded
    assert (recorded.body, recorded.answer) == (direct.heard[0].body, direct.shown.body)


async def met(case: Case) -> set[str]:
    """The exceptions that this exchange meets."""
    _, names = predicted(await directly(case), Situation(sent(case), b"upstream.example"))
    return names


async def test_every_exception_of_the_table_is_met_by_some_exchange() -> None:
    found = [await met(case) for case in CASES.values()]
    assert set[str]().union(*found) == {one.name for one in DIFFERENCES}


async def test_what_clients_do_meets_the_ordinary_exceptions_only() -> None:
    found = [await met(case) for case in API.values()]
    assert set[str]().union(*found) == ORDINARY


def test_the_docs_show_the_tables() -> None:
    text = (ROOT / "docs" / "transparency.md").read_text()
    assert differences_table() in text
    assert own_answers_table() in text
