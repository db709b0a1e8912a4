"""The texts of ``nexus up``."""

import json
from dataclasses import replace

import pytest

from ops.client_environment import client_environment, export_lines, settings_snippet
from ops.startup_text import Addresses, death_line, last_words, ready_text, roll_failed_line
from ops.supervision_types import TellDeath, TellRollFailed

GATEWAY = "http://127.0.0.1:3000"
ADDRESSES = Addresses(GATEWAY, "http://127.0.0.1:3001", "http://127.0.0.1:3001/login?token=abc")


def test_the_ready_text_has_both_addresses_the_login_link_and_the_exact_lines() -> None:
    text = ready_text(ADDRESSES, "nexus", "/home/me/.nexus/logs")
    unindented = "\n".join(line.strip() for line in text.splitlines())
    assert f"Gateway    {GATEWAY}\n" in text
    assert "Dashboard  http://127.0.0.1:3001\n" in text
    assert "http://127.0.0.1:3001/login?token=abc" in text
    assert export_lines(client_environment(GATEWAY)) in unindented
    snippet = text[text.index("{") : text.rindex("}") + 1]
    assert json.loads(snippet) == json.loads(settings_snippet(client_environment(GATEWAY)))
    assert "nexus claude\n" in text
    assert text.endswith("Ctrl-C stops everything. Logs: /home/me/.nexus/logs")


def test_in_managed_mode_it_says_that_a_key_is_needed() -> None:
    text = ready_text(Addresses(GATEWAY, wants_key=True), "nexus", "logs")
    assert "ANTHROPIC_AUTH_TOKEN" in text
    assert "nexus keys create" in text
    assert "ANTHROPIC_AUTH_TOKEN" not in ready_text(ADDRESSES, "nexus", "logs")


def test_without_recording_it_says_so_and_offers_no_login() -> None:
    text = ready_text(Addresses(GATEWAY), "nexus", "logs")
    assert "Recording is off (STORAGE_ENABLED=false)" in text
    assert "Log in" not in text
    assert "Dashboard" not in text


@pytest.mark.parametrize(
    ("death", "words", "line"),
    [
        (TellDeath("gateway", -9, 0.0, looping=False), "", "gateway was ended by SIGKILL; it is started again now."),
        (
            TellDeath("gateway", -50, 0.5, looping=False),
            "",
            "gateway was ended by signal 50; it is started again in 0.5 s.",
        ),
        (
            TellDeath("x", 1, 2.0, looping=False),
            "no disk",
            "x ended with exit code 1 (no disk); it is started again in 2 s.",
        ),
        (
            TellDeath("x", 0, 15.0, looping=True),
            "",
            "x ended with exit code 0; it keeps dying; it is tried again in 15 s.",
        ),
    ],
)
def test_a_death_says_who_how_why_and_what_next(death: TellDeath, words: str, line: str) -> None:
    assert death_line(death, words) == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ""),
        ("nexus: Set NEXUS_X.", "Set NEXUS_X"),
        ("ValueError: oh", "ValueError: oh"),
        ('{"level":"error","event":"lost"}', "lost"),
        ('{"event":"uncaught","exception":"Traceback\\n  File\\nKeyError: 1"}', "KeyError: 1"),
        ("[1, 2]", "[1, 2]"),
        ("17", "17"),
    ],
)
def test_the_last_line_of_a_log_is_made_readable(line: str, words: str) -> None:
    assert last_words(line) == words


def test_a_roll_that_failed_says_why_and_that_the_old_ones_serve() -> None:
    failed = TellRollFailed("gateway-2", 2, 3)
    serves = "whoever was not replaced yet serves on."
    assert roll_failed_line(failed, "Set it") == f"The new gateway-2 ended with exit code 2 (Set it); {serves}"
    assert roll_failed_line(replace(failed, code=-9), "") == f"The new gateway-2 was ended by SIGKILL; {serves}"
