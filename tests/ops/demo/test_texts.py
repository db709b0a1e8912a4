"""What the demo says."""

import json

import pytest

from ops.demo.texts import ended_text, progress, ready_json, ready_text
from ops.startup_text import Addresses

ADDRESSES = Addresses("http://127.0.0.1:3000", "http://127.0.0.1:3001", "http://127.0.0.1:3001/login?token=abc")


def test_the_dashboard_and_the_way_in_come_first() -> None:
    text = ready_text(ADDRESSES, "/home/x/demo", stories=12, minutes=5)
    addresses = [line.split()[-1] for line in text.splitlines() if line.startswith("  ") and "once" not in line]
    assert addresses == ["http://127.0.0.1:3001", "http://127.0.0.1:3000"]
    assert "  Log in     http://127.0.0.1:3001/login?token=abc   (this link works once)" in text.splitlines()
    assert "12 stories are played over about 5 minutes. Ctrl-C stops everything." in text
    assert "/home/x/demo" in text


def test_without_a_link_there_is_no_line_for_it() -> None:
    assert "Log in" not in ready_text(Addresses("g", "d"), "/x", stories=1, minutes=0)
    assert "at once" in ready_text(Addresses("g", "d"), "/x", stories=1, minutes=0)


def test_a_script_gets_json() -> None:
    assert json.loads(ready_json(ADDRESSES, "/x", "seed")) == {
        "gateway": ADDRESSES.gateway,
        "dashboard": ADDRESSES.dashboard,
        "login": ADDRESSES.login,
        "home": "/x",
        "seed": "seed",
    }


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, " 0:00"), (59.9, " 0:59"), (61.0, " 1:01"), (600.0, "10:00")])
def test_progress_says_when(seconds: float, shown: str) -> None:
    assert progress(seconds, "what") == f"{shown}  what"


def test_the_end_is_told_with_what_went_wrong() -> None:
    assert ended_text(115, [], goes_on=True) == (
        "All was played: 115 requests.\nThe dashboard stays up until Ctrl-C."
    )  # fmt: skip
    assert ended_text(115, [], goes_on=False) == "All was played: 115 requests."
    broken = ended_text(7, ["one: no answer", "two: no answer"], goes_on=False)
    assert broken.splitlines() == [
        "Played with 2 stories broken off (7 requests):", "  one: no answer", "  two: no answer",
    ]  # fmt: skip
