"""The status line: its money is the sum of its priced lines, and what is missing is said in the line."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.statusline import Dated, status_line
from domain.billing import BilledLine, Tariff
from domain.prices import Price, PriceBook, Rates
from domain.usage import TokenCounts
from schemas.limits_api import AccountWindows, Reading, WindowItem
from schemas.statusline_api import StatusLine

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
DAY = NOW.date()
RATES = Rates(input=Decimal(4), output=Decimal(20), cache_read=Decimal("0.2"), cache_write_5m=Decimal(5))
BOOK = PriceBook((Price(pattern="claude-opus-5-5", effective_from=date.min, source="test", rates=RATES),))
KNOWN, STRANGE = "claude-opus-5-5", "gpt-9"


def line(model: str = KNOWN, estimated: int = 0, **tokens: int) -> Dated:
    return (
        DAY,
        1,
        BilledLine(tariff=Tariff(model=model), tokens=TokenCounts(**tokens), estimated_output_tokens=estimated),
    )


def said(spent: Sequence[Dated], newest: tuple[str | None, int | None] = (KNOWN, 48_000), **more: Any) -> StatusLine:
    return status_line("6f1c2d3e-0000", NOW, spent, BOOK, newest=newest, **{"windows": None, **more})


def windows(*items: WindowItem) -> AccountWindows:
    return AccountWindows(
        account="a", headers_at=None, bare_at=None, overall=None, overage=None, windows=list(items), key_limits=[],
        unknown={}, malformed=[],
    )  # fmt: skip


def window(**changes: Any) -> WindowItem:
    reading = Reading(utilization=changes.pop("share", 0.34), source=changes.pop("source", "header"), how="as told")
    members: dict[str, Any] = {
        "name": "5h", "model_scope": None, "length_s": 18_000, "state": "open", "starts_at": None,
        "resets_at": NOW + timedelta(hours=2, minutes=3), "bounds": "header", "said": None, "now": reading,
        "status": None, "warning": False, "threshold": None, "forecasts": [], "history": [], "past": [],
    }  # fmt: skip
    return WindowItem(**members | changes)


def test_where_a_subscription_pays_it_is_what_the_api_would_have_taken() -> None:
    answer = said([line(output_tokens=1_000)], subscription=True)
    assert answer.api_equivalent
    assert answer.text == "opus 5.5 · $0.02 API-equivalent · 1.0k tokens · context 48k"


def test_all_of_it_in_one_line() -> None:
    answer = said(
        [line(input_tokens=100_000, output_tokens=1_000), line(input_tokens=1_000)], windows=windows(window())
    )
    assert answer.text == "opus 5.5 · $0.42 · 102k tokens · context 48k · 5h 34 %, resets in 2 h 03 m"
    assert (answer.requests, answer.cost_usd, answer.estimated) == (2, Decimal("0.424"), False)
    assert answer.five_hour is not None
    assert (answer.five_hour.percent, answer.five_hour.resets_in_s, answer.five_hour.how) == (34.0, 7380, "as told")


def test_of_a_session_that_was_never_seen_it_says_that() -> None:
    answer = said([], (None, None))
    assert answer.text == "Nexus: no request of session 6f1c2d3e-00… yet"
    assert (answer.requests, answer.cost_usd, answer.five_hour) == (0, None, None)


@pytest.mark.parametrize(
    ("spent", "money"),
    [
        ([line(input_tokens=5_000)], "$0.02"),
        ([line(input_tokens=1_250)], "$0.01"),
        ([line(estimated=1_000)], "~$0.02"),
        ([line(STRANGE, input_tokens=5_000)], "unpriced"),
        ([line(input_tokens=5_000), line(STRANGE, output_tokens=1)], ">$0.02"),
        ([line(estimated=1_000), line(STRANGE, output_tokens=1)], ">$0.02"),
        ([line(STRANGE)], "$0.00"),
        ([line(STRANGE), line(STRANGE, output_tokens=1)], "unpriced"),
    ],
    ids=[
        "priced",
        "rounded up",
        "estimated",
        "unpriced",
        "in part",
        "in part and estimated",
        "errors alone",
        "with an error",
    ],
)
def test_how_sure_the_money_is_stands_before_it(spent: Sequence[Dated], money: str) -> None:
    assert said(spent).text.split(" · ")[1] == money


def test_what_was_not_recorded_makes_the_money_the_least_there_is() -> None:
    assert said([line(input_tokens=5_000)], unrecorded=1).text.split(" · ")[1] == ">$0.02"
    alone = said([line()], unrecorded=2)
    assert (alone.cost_usd, alone.unrecorded, alone.text.split(" · ")[1]) == (None, 2, "cost not known")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (window(source="reckoned"), "5h ~34 %, resets in 2 h 03 m"),
        (window(share=None), "context 48k"),
        (window(share=1.2), "5h 120 %, resets in 2 h 03 m"),
        (window(resets_at=NOW - timedelta(seconds=1)), "5h 34 %, resets in 0 ms"),
        (window(state="over"), "context 48k"),
        (window(name="7d"), "context 48k"),
    ],
    ids=["reckoned", "unknown", "beyond the plan", "just over", "over", "another window"],
)
def test_the_window_that_is_open(item: WindowItem, text: str) -> None:
    assert said([line(input_tokens=1)], windows=windows(window(name="7d_oi"), item)).text.split(" · ")[-1] == text


def test_without_an_answer_there_is_neither_model_nor_context() -> None:
    assert said([line()], (None, None)).text == "$0.00 · 0 tokens"


COUNTS = st.integers(0, 10**7)
DATED = st.builds(
    line, st.sampled_from([KNOWN, STRANGE]), COUNTS, input_tokens=COUNTS, output_tokens=COUNTS, cache_read_tokens=COUNTS
)


@given(st.lists(DATED, max_size=6))
def test_money_and_tokens_are_sums(spent: list[Dated]) -> None:
    """By straight arithmetic over the counts."""
    answer = said(spent)
    known = [each for _, _, each in spent if each.tariff.model == KNOWN]
    outputs = sum(each.tokens.output_tokens + each.estimated_output_tokens for each in known)
    millionths = sum(each.tokens.input_tokens * 4 + each.tokens.cache_read_tokens * Decimal("0.2") for each in known)
    assert (answer.cost_usd or 0) * 10**6 == millionths + 20 * outputs
    strange = [each for _, _, each in spent if each.tariff.model == STRANGE]
    assert answer.unpriced_tokens == sum(
        each.tokens.input_tokens
        + each.tokens.output_tokens
        + each.tokens.cache_read_tokens
        + each.estimated_output_tokens
        for each in strange
    )
    assert answer.tokens.input_tokens == sum(each.tokens.input_tokens for _, _, each in spent)
    assert answer.requests == len(spent)
