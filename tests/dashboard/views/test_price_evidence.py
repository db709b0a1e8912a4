"""The formula reads as what it is: every digit of it, the price it rests on, and a command that mends what has none."""

import shlex
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import typer

from dashboard.request_usage import request_usage_of
from dashboard.told import Sayings
from dashboard.views.price_evidence import KIND_NAMES, Line, evidence_of
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook, Rates
from domain.usage import TokenCounts
from domain.usage_sums import Attempt
from ops.commands import prices
from schemas.usage_api import LineItem, RequestUsage, TermItem, UsageTokens
from tests.price_samples import price
from tests.read_rows import START, request_id
from tests.recorded_details import request_details, text_answer

SINCE = date(2020, 1, 1)


def used(usage: dict[str, Any], *attempts: Attempt, model: str = "claude-opus-4-8", **members: Any) -> RequestUsage:
    answer = text_answer()
    answer[0]["message"] |= {"model": model, "usage": usage}
    said = Sayings(book=PriceBook((price(effective_from=SINCE, **members),)))
    return request_usage_of(request_details(1, answer=answer), attempts, said)


def line_of(usage: dict[str, Any], **how: Any) -> Line:
    return evidence_of(used(usage, **how)).lines[0]


def test_every_term_is_a_row_with_every_digit() -> None:
    line = line_of({"input_tokens": 12_345, "cache_read_input_tokens": 1, "inference_geo": "us"})
    assert [(term.name, term.count, term.per_million, term.factor, term.amount) for term in line.terms] == [
        ("input, not cached", "12,345", "$5", "1.1", "$0.0678975"),
        ("read from the cache", "1", "$0.50", "1.1", "$0.00000055"),
        ("output", "9", "$25", "1.1", "$0.0002475"),
    ]
    assert (line.amount, line.title, line.what, line.words) == (
        "$0.06814555", "opus 4.8", "the answer", ("place us",),
    )  # fmt: skip
    assert (line.pattern, line.since, line.source) == ("claude-opus-4-8", "2020-01-01", "a page")
    assert (line.reason, line.mend) == ("", "")


def test_a_factor_of_one_is_none() -> None:
    line = line_of({"service_tier": "standard"})
    assert ([term.factor for term in line.terms], line.words) == ([""], ())


def test_all_words_that_a_price_depends_on_are_told() -> None:
    item = LineItem(
        kind="novel_step", model="", service_tier="batch", speed="fast", inference_geo="", long_context=True,
        tokens=UsageTokens(), web_searches=0, terms=[], amount=None, pattern="", effective_from=None, source="",
        reason="no price for model (unknown) on 2026-01-01",
    )  # fmt: skip
    (line,) = evidence_of(used({}).model_copy(update={"lines": [item]})).lines
    assert (line.title, line.what, line.words) == (
        "an unknown model", "novel_step", ("service tier batch", "speed fast", "long context"),
    )  # fmt: skip
    assert (line.amount, line.since, line.mend) == ("no price", "", "")


MENDS = [
    ({}, {"model": "Strange 1"}, "nexus prices set 'strange 1' --input USD --output USD"),
    ({"service_tier": "novel"}, {}, "nexus prices set claude-opus-4-8 --factor service_tier:novel=N"),
    ({"speed": "a b"}, {}, "nexus prices set claude-opus-4-8 --factor 'speed:a b'=N"),
    ({}, {"rates": Rates(input=Decimal(1))}, "nexus prices set claude-opus-4-8 --output USD"),
    (
        {"cache_creation_input_tokens": 1},
        {"rates": Rates(output=Decimal(1))},
        "nexus prices set claude-opus-4-8 --cache-write-5m USD",
    ),
    (
        {"input_tokens": 300_000},
        {"rates": Rates(output=Decimal(1)), "long_context": Rates(output=Decimal(1))},
        "nexus prices set claude-opus-4-8 --long-context-input USD",
    ),
    (
        {"server_tool_use": {"web_search_requests": 1}},
        {"web_search": None},
        "nexus prices set claude-opus-4-8 --web-search USD",
    ),
]


@pytest.mark.parametrize(("usage", "how", "command"), MENDS)
def test_what_has_no_price_comes_with_the_command_that_gives_it_one(
    usage: dict[str, Any], how: dict[str, Any], command: str
) -> None:
    line = line_of(usage, **how)
    assert line.reason.startswith("no price for ")
    assert (line.amount, line.mend) == ("no price", command)


@pytest.mark.parametrize("command", [command for _, _, command in MENDS])
def test_the_command_has_the_options_it_names(command: str) -> None:
    group: Any = typer.main.get_command(prices.app)
    options = {name for one in group.commands["set"].params for name in one.opts}
    assert {word for word in shlex.split(command) if word.startswith("--")} <= options


def test_attempts_are_told_where_there_is_more_than_one() -> None:
    assert evidence_of(used({})).tries == ()
    line = BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(output_tokens=3))
    tries = [Attempt(request_id(n), START, "completed", 200, (line,)) for n in (4, 1)]
    found = evidence_of(used({}, *tries)).tries
    assert [(one.number, one.is_own, one.item.request_id) for one in found] == [
        (1, False, request_id(4)),
        (2, True, request_id(1)),
    ]


def test_tools_say_whether_their_price_is_known() -> None:
    tools = {"web_search_requests": 2, "code_execution_requests": 1}
    assert evidence_of(used({"server_tool_use": tools})).tools == (
        ("web_search_requests", 2, True),
        ("code_execution_requests", 1, False),
    )


def test_an_unknown_kind_is_called_by_its_name() -> None:
    term = TermItem(kind="novel", count=1, per_million=Decimal(2), factor=Decimal("0.50"), amount=Decimal("0.000001"))
    whole = used({})
    item = whole.lines[0].model_copy(update={"terms": [term, term.model_copy(update={"kind": "estimated_output"})]})
    (line,) = evidence_of(whole.model_copy(update={"lines": [item]})).lines
    assert [(one.name, one.factor, one.estimated) for one in line.terms] == [
        ("novel", "0.5", False),
        (KIND_NAMES["estimated_output"], "0.5", True),
    ]
