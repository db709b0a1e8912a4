"""Logs: JSON lines without secrets, for our own entries and those of libraries; warnings reach the user too."""

import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.logs import masked

SECRET = "Zq7wK9pLmN3xVb5tRy8uCd2fGh6jSk4a"


def run_script(text: str) -> list[dict[str, object]]:
    head = "import logging, sys, structlog, warnings\nfrom ops import logs\n"
    argv = [sys.executable, "-P", "-c", head + textwrap.dedent(text)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        f"key sk-ant-api03-{SECRET} used",
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        f"{{'x-api-key': '{SECRET}'}}",
        f'{{"X-Api-Key": "{SECRET}", "accept": "*/*"}}',
        f'[[\\"x-nexus-key\\", \\"{SECRET}\\"]]',
        f"(b'Cookie', b'session={SECRET}; other={SECRET}')",
        f"proxy-authorization=Basic {SECRET}",
        f"postgresql://nexus:{SECRET}@db.example/nexus",
        f"http://127.0.0.1:3001/login?token={SECRET}",
        f"https://generativelanguage.example/v1?a=b&key={SECRET}",
    ],
)
def test_no_known_kind_of_secret_is_written(line: str) -> None:
    out = masked(line.encode()).decode()
    assert SECRET not in out
    assert "***" in out


@given(st.text(alphabet='abcdefghij klmnop/.:=-{}[]"0123456789', max_size=200))
def test_lines_without_secrets_stay_as_they_are(line: str) -> None:
    assert masked(line.encode()) == line.encode()


def test_what_stands_around_a_secret_is_kept() -> None:
    assert masked(b'{"a":1,"url":"postgresql://u:pw@h/db","b":2}') == b'{"a":1,"url":"postgresql://u:***@h/db","b":2}'
    assert masked(b'{"h":"Bearer abcdefgh","b":2}') == b'{"h":"Bearer ***","b":2}'


def test_an_entry_is_one_json_line_with_time_level_and_fields() -> None:
    (entry,) = run_script(
        """
        logs.configure(debug=False)
        structlog.get_logger().info("journal opened", journal="j1", bytes=12, ratio=0.5, none=None, ok=True)
        structlog.get_logger().debug("not written")
        """
    )
    assert str(entry.pop("at")).endswith("Z")
    assert entry == {
        "level": "info", "event": "journal opened",
        "journal": "j1", "bytes": 12, "ratio": 0.5, "none": None, "ok": True,
    }  # fmt: skip


def test_debug_entries_are_written_when_asked_for() -> None:
    (entry,) = run_script('logs.configure(debug=True); structlog.get_logger().debug("details")')
    assert (entry["level"], entry["event"]) == ("debug", "details")


def test_entries_of_libraries_and_warnings_take_the_same_way() -> None:
    entries = run_script(
        """
        logs.configure(debug=False)
        logging.getLogger("aiohttp.server").info("too much detail")
        logging.getLogger("aiohttp.server").error("failed with %s", "Bearer 0123456789abcdef")
        logging.getLogger("odd").warning("wrong %s %s", 1)
        warnings.warn("old")
        """
    )
    assert [(entry["level"], entry["logger"]) for entry in entries] == [
        ("error", "aiohttp.server"), ("warning", "odd"), ("warning", "py.warnings"),
    ]  # fmt: skip
    assert entries[0]["event"] == "failed with Bearer ***"
    assert entries[1]["event"] == "wrong %s %s"


def test_what_nobody_caught_is_logged_with_its_traceback_and_without_secrets() -> None:
    (entry,) = run_script('logs.configure(debug=False); raise ValueError("sk-ant-api03-0123456789")')
    assert entry["level"] == "critical"
    assert str(entry["exception"]).endswith("ValueError: sk-ant-***")


def test_long_and_unprintable_values_are_cut_to_a_line() -> None:
    (entry,) = run_script(
        r"""
        logs.configure(debug=False)
        structlog.get_logger().info("big", body="x" * 100_000, raw=b"\xff\xfe", odd="\ud800", seen={1})
        """
    )
    assert len(str(entry["body"])) < 2100
    assert "100000 characters" in str(entry["body"])
    assert (entry["raw"], entry["odd"], entry["seen"]) == (r"b'\xff\xfe'", "?", "{1}")


def test_the_user_is_told_of_warnings_and_errors_without_secrets() -> None:
    entries = run_script(
        """
        logs.configure(debug=False, tell=lambda text: sys.stderr.write('{"told": "' + text + '"}\\n'))
        log = structlog.get_logger()
        log.info("fine")
        log.warning("disk nearly full", free_mb=12)
        try:
            raise OSError("no")
        except OSError:
            log.exception("lost postgresql://u:pw@h")
        """
    )
    assert [entry["told"] for entry in entries if "told" in entry] == [
        "disk nearly full free_mb=12", "lost postgresql://u:***@h",
    ]  # fmt: skip


def test_a_log_that_cannot_be_written_fails_nobody() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            (
                "import os, structlog; from ops import logs; logs.configure(debug=False); os.close(2);"
                "structlog.get_logger().error('lost'); print('went on')"
            ),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "went on\n"
