"""The same tokens under other prices: none is lost, none is made up, and what is assumed is said."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.billing import BilledLine
from domain.usage import TokenCounts
from domain.what_if import WhatIf, assumed
from tests.price_samples import billed_lines

ANY = st.builds(
    WhatIf,
    model=st.sampled_from([None, "claude-haiku-4-5"]),
    lifetime=st.sampled_from([None, "5m", "1h"]),
    no_cache=st.booleans(),
    shipped_prices=st.booleans(),
    on=st.sampled_from([None, date(2026, 1, 1)]),
)


def all_of(tokens: TokenCounts) -> int:
    written = tokens.cache_write_5m_tokens + tokens.cache_write_1h_tokens
    return tokens.input_tokens + tokens.output_tokens + tokens.cache_read_tokens + written


@given(billed_lines(), ANY)
def test_no_token_is_lost(line: BilledLine, what_if: WhatIf) -> None:
    assert all_of(assumed(line, what_if).tokens) == all_of(line.tokens)


@given(billed_lines())
def test_nothing_assumed_is_nothing_changed(line: BilledLine) -> None:
    assert assumed(line, WhatIf()) == line
    assert WhatIf().words == ()


@given(billed_lines(), ANY)
def test_only_what_is_assumed_changes(line: BilledLine, what_if: WhatIf) -> None:
    found = assumed(line, what_if)
    assert found.tariff.model == (what_if.model or line.tariff.model)
    assert replace(found, tariff=line.tariff, tokens=line.tokens) == line
    if what_if.no_cache:
        tokens = found.tokens
        assert tokens.cache_read_tokens == tokens.cache_write_5m_tokens == tokens.cache_write_1h_tokens == 0
    elif what_if.lifetime == "5m":
        assert found.tokens.cache_write_1h_tokens == 0
    elif what_if.lifetime == "1h":
        assert found.tokens.cache_write_5m_tokens == 0
    assert found.tokens.output_tokens == line.tokens.output_tokens


def test_each_assumption_is_said() -> None:
    whole = WhatIf(model="m", no_cache=True, shipped_prices=True, on=date(2026, 1, 2))
    assert len(whole.words) == 4
    assert WhatIf(lifetime="1h").words == ("all cache writes live for 1h, and as much is read as was",)
    assert len(WhatIf(lifetime="1h", no_cache=True).words) == 1, "without a cache nothing lives"
