"""``nexus prices``: what is set holds from its day on, also a past one; files come in and go out; mistakes are said."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.errors import SetupError
from domain.prices import UnfitPriceError
from ops.commands import prices
from ops.prices import shipped_prices

LITELLM = """{"claude-z": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-06,
                           "output_cost_per_token": 2e-06}}"""


@pytest.fixture(autouse=True)
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> str:
    done = CliRunner().invoke(prices.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json", *words))["prices"]
    return found


def test_the_list_is_what_is_shipped_until_something_is_said() -> None:
    assert len(told()) == len(shipped_prices())
    text = run("list", "--model", "claude-opus-4-5-20251101")
    assert text.splitlines()[1].split()[:7] == ["claude-opus-4-5", "2024-01-01", "5", "25", "0.5", "6.25", "10"]
    assert "shipped" in text
    assert run("list", "--model", "gpt-4.1").strip() == "No price for gpt-4.1: it is shown as unpriced."
    assert "on 2020-01-01" in run("list", "--model", "claude-opus-4-5", "--on", "2020-01-01")


def test_a_price_is_set_for_the_past_shown_and_taken_back() -> None:
    words = ("claude-opus-4-5", "--input", "4.50", "--output", "22.50", "--from", "2026-01-01", "--source", "contract")
    line = run("set", *words).strip()
    assert line.startswith("claude-opus-4-5 from 2026-01-01: new: input 4.50, output 22.50, cache read 0.5, ")
    assert run("set", *words).strip() == "Nothing changes: this price stands."
    opus = ("--model", "claude-opus-4-5-20251101", "--on")
    assert [one["input"] for one in told(*opus, "2025-12-31")] == ["5"]
    (held,) = told(*opus, "today")
    assert (held["input"], held["source"], held["factors"]) == ("4.50", "contract", {"service_tier": {"batch": "0.5"}})
    assert "own" in run("list", "--model", "claude-opus-4-5")
    assert "withdrawn" in run("withdraw", "claude-opus-4-5", "--from", "2026-01-01")
    assert [one["input"] for one in told(*opus, "today")] == ["5"]
    run("withdraw", "claude-opus-4-5", "--from", "2024-01-01")
    assert told(*opus, "today") == []


def test_the_list_of_a_day_has_what_is_in_force_then() -> None:
    before, after = told("--on", "2026-03-12"), told("--on", "2026-03-13")
    assert [one["effective_from"] for one in before if one["models"] == ["claude-opus-4-6"]] == ["2024-01-01"]
    assert [one["effective_from"] for one in after if one["models"] == ["claude-opus-4-6"]] == ["2026-03-13"]


def test_all_that_can_be_set() -> None:
    amounts = {"input": "1", "output": "2", "cache-read": "0.2", "cache-write-5m": "1.5", "cache-write-1h": "3"}
    amounts |= {"long-context-input": "4", "long-context-output": "5", "long-context-cache-read": "6"}
    amounts |= {"long-context-cache-write-5m": "7", "long-context-cache-write-1h": "8", "web-search": "9"}
    words = [word for name, amount in amounts.items() for word in (f"--{name}", amount)]
    words += ["--factor", "service_tier:batch=0.5", "--factor", "speed:fast=2", "--json"]
    made = json.loads(run("set", "Acme-*", *words))
    assert made.pop("effective_from") >= "2026-01-01"
    assert made == {
        "models": ["acme-*"],
        "source": "set by hand",
        "input": "1",
        "output": "2",
        "cache_read": "0.2",
        "cache_write_5m": "1.5",
        "cache_write_1h": "3",
        "long_context": {
            "input": "4",
            "output": "5",
            "cache_read": "6",
            "cache_write_5m": "7",
            "cache_write_1h": "8",
        },
        "web_search_per_1000": "9",
        "factors": {"service_tier": {"batch": "0.5"}, "speed": {"fast": "2"}},
    }


def test_a_file_is_compared_tried_and_imported(tmp_path: Path) -> None:
    file = tmp_path / "litellm.json"
    file.write_text(LITELLM)
    line = "claude-z from 2026-02-01: new: input 1, output 2, cache read –, cache write 5m –, cache write 1h –"
    words = (str(file), "--from", "2026-02-01")
    assert run("diff", *words).splitlines() == [line, "1 price would change."]
    assert run("import", *words, "--dry-run").splitlines() == [line, "1 price would change."]
    assert told("--model", "claude-z") == []
    assert run("import", *words, "--source", "a list").splitlines() == [line, "1 price changed."]
    assert [(one["effective_from"], one["source"]) for one in told("--model", "claude-z")] == [("2026-02-01", "a list")]
    assert run("import", *words).strip() == "0 prices changed."
    assert run("diff", "shipped").splitlines() == [line.replace("new", "gone"), "1 price would change."]


def test_the_json_of_the_list_can_be_imported_again(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(run("list", "--json"))
    assert run("diff", str(file)).strip() == "0 prices would change."
    file.write_text(file.read_text().replace('"18.75"', '"18.5"'))
    assert run("import", str(file)).splitlines()[-1] == "4 prices changed."
    changed = [one for one in told() if one["input"] == "15"]
    assert {Decimal(one["cache_write_5m"]) for one in changed} == {Decimal("18.5")}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("set", "claude-z", "--input", "1"), UnfitPriceError),
        (("set", "a b", "--input", "1", "--output", "1"), UnfitPriceError),
        (("set", "claude-z", "--input", "-1", "--output", "1"), UnfitPriceError),
        (("set", "claude-z", "--input", "1", "--output", "1", "--from", "soon"), UnfitPriceError),
        (("set", "claude-z", "--input", "1", "--output", "1", "--factor", "mood:good=1"), UnfitPriceError),
        (("import", "absent.json"), SetupError),
        (("import", "broken.json"), UnfitPriceError),
        (("diff", "absent.json"), SetupError),
        (("withdraw", "claude-z", "--from", "2026-01-01"), SetupError),
        (("list", "--on", "soon"), UnfitPriceError),
    ],
    ids=range(10),
)
def test_what_cannot_be_is_said_in_one_line_and_changes_nothing(words: tuple[str, ...], error: type[Exception]) -> None:
    Path("broken.json").write_text("{")
    with pytest.raises(error) as raised:
        run(*words)
    assert len(str(raised.value).splitlines()) == 1
    assert len(told()) == len(shipped_prices())


def test_every_command_has_an_example() -> None:
    for name in ("list", "set", "import", "diff", "withdraw"):
        assert f"nexus prices {name}" in " ".join(run(name, "--help").split())
