"""A verdict says what was looked at and names every violation, for people and for scripts."""

import json
from uuid import UUID

from ops.checking.checker import Checked
from ops.checking.verdict_text import MOST_LINES, as_json, as_text
from ops.checking.violations import Counts, Violation

ONE = Violation("I1", UUID(int=1), "bytes 3 to 4 are not recorded")
GENERAL = Violation("store", None, "tables differ")


def test_all_is_well() -> None:
    text = as_text(Checked(Counts(exchanges=12345)))
    assert text.splitlines()[-1] == "Nothing is lost."
    assert "exchanges" in text
    assert "12,345" in text


def test_every_count_has_its_words() -> None:
    numbers = {name: 7000 + place for place, name in enumerate(Counts().as_dict())}
    text = as_text(Checked(Counts(**numbers)))
    assert all(f"{number:,}" in text for number in numbers.values())


def test_each_violation_is_a_line_with_its_request_and_what_to_do() -> None:
    lines = as_text(Checked(Counts(), (ONE, ONE, GENERAL))).splitlines()
    assert lines.count(f"I1     {UUID(int=1)}  bytes 3 to 4 are not recorded") == 2
    assert "store  -  tables differ" in lines
    assert lines[-2].startswith("I1: 2 ×; a client received bytes")
    assert "Nothing is lost." not in lines


def test_a_long_list_is_cut() -> None:
    text = as_text(Checked(Counts(), (ONE,) * (MOST_LINES + 5)))
    assert text.count("are not recorded") == MOST_LINES + 1  # the advice says it too
    assert "… and 5 more" in text


def test_a_script_gets_everything() -> None:
    said = json.loads(as_json(Checked(Counts(events=4), (ONE, GENERAL))))
    assert (said["ok"], said["counts"]["events"]) == (False, 4)
    assert said["violations"][0] == {"invariant": "I1", "request_id": str(UUID(int=1)), "detail": ONE.detail}
    assert said["violations"][1]["request_id"] is None
    assert json.loads(as_json(Checked(Counts())))["ok"]
