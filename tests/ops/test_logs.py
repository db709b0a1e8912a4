"""Logs: JSON lines without secrets, for our own entries and those of libraries; warnings reach the user too."""

import ast
import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.log_fields import KNOWN
from ops.logs import masked
from tests.source_tree import sources

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
        logs.configure(debug=False, fields=frozenset({"journal", "bytes", "ratio", "none", "ok"}))
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
        logs.configure(debug=False, fields=frozenset({"body", "raw", "odd", "seen"}))
        structlog.get_logger().info("big", body="x" * 100_000, raw=b"\xff\xfe", odd="\ud800", seen={1})
        """
    )
    assert len(str(entry["body"])) < 2100
    assert "100000 characters" in str(entry["body"])
    assert (entry["raw"], entry["odd"], entry["seen"]) == (r"b'\xff\xfe'", "?", "{1}")


def test_the_user_is_told_of_warnings_and_errors_without_secrets() -> None:
    entries = run_script(
        """
        told = lambda text: sys.stderr.write('{"told": "' + text + '"}\\n')
        logs.configure(debug=False, tell=told, fields=frozenset({"free_mb"}))
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


CANARY = "canary-7c9e6679"
EVIL = f'\r\n{{"level":"critical"}}\x1b[2J\u202e\u2028{CANARY}'


def raw_lines(text: str) -> list[bytes]:
    """As they stand in the file."""
    head = "import logging, sys, structlog, warnings\nfrom ops import logs\n"
    argv = [sys.executable, "-P", "-c", head + textwrap.dedent(text)]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False).stderr.splitlines(keepends=True)


@pytest.mark.parametrize("size", [1, 3000, 50_000])
def test_whatever_is_in_a_value_an_entry_is_one_escaped_line_of_8_kb(size: int) -> None:
    """Test 77: line breaks, escape sequences, bidirectional marks, and values of more than a megabyte."""
    (line,) = raw_lines(
        f"""
        logs.configure(debug=True)
        evil = {EVIL!r} * {size}
        structlog.get_logger().error(evil, error=evil, place=evil, detail=evil, kept=evil, mend=evil, exchange=evil)
        """
    )
    assert len(line) <= 8192
    assert line.endswith(b"}\n")
    assert line.isascii()
    assert all(byte >= 0x20 for byte in line[:-1])
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert "\x1b[2J" in entry["error"]


def test_a_trace_of_any_length_keeps_its_end_and_the_line_its_size() -> None:
    (line,) = raw_lines(
        """
        def odd(n):
            if n == 0: raise ValueError("the end of it")
            even(n - 1)
        def even(n):
            odd(n - 1)
        logs.configure(debug=False)
        odd(400)
        """
    )
    assert len(line) <= 8192
    assert json.loads(line)["exception"].endswith("ValueError: the end of it")


def test_only_known_fields_are_written_also_at_debug() -> None:
    """Planted where payload and secrets could come from: fields, exceptions, what libraries show of their input."""
    lines = raw_lines(
        f"""
        told = lambda text: sys.stderr.write('{{"told": "' + text + '"}}\\n')
        logs.configure(debug=True, tell=told)
        log, canary = structlog.get_logger(), {CANARY!r}
        log.debug("a request came", body=canary, headers={{"x": canary}}, path="/" + canary, model=canary, journal="j1")
        log.warning("it went wrong", prompt=canary, error="ValueError")
        structlog.contextvars.bind_contextvars(prompt=canary)
        log.info("bound")
        try:
            raise ValueError(canary) from OSError(canary)
        except ValueError:
            log.exception("caught")
            logging.getLogger("library").exception("Error handling request")
        logging.getLogger("library").error("Exception in callback\\nhandle: <Handle feed(" + canary + ")>")
        logging.getLogger("library").debug(canary)
        """
    )
    assert len(lines) == 6 + 4, lines
    assert not [line for line in lines if CANARY.encode() in line]
    first = json.loads(lines[0])
    assert (first["journal"], first["left_out"]) == ("j1", 4)
    caught = [json.loads(line) for line in lines if b'"caught"' in line and b'"told"' not in line]
    assert caught[0]["exception"].endswith("caused by OSError\nValueError")


def test_what_the_user_is_told_moves_no_cursor() -> None:
    told = raw_lines(
        f"""
        logs.configure(debug=False, tell=sys.stderr.write)
        structlog.get_logger().error("x", error={EVIL!r} * 1000)
        """
    )
    assert len(told) == 2
    assert all(byte >= 0x20 for byte in told[1])
    assert len(told[1]) < 1200


def test_a_storm_is_counted_and_not_written() -> None:
    """10 000 bad requests, of one kind and of ten thousand kinds."""
    lines = raw_lines(
        """
        logs.configure(debug=False)
        log = structlog.get_logger()
        for number in range(10_000):
            log.error("a handler broke", error="ValueError", place="x" * 500)
            logging.getLogger("library").error("bad request %s from %s", number, "y" * 200)
        log.critical("and this is written in any case")
        """
    )
    assert sum(map(len, lines)) < 1_000_000
    last = json.loads(lines[-1])
    assert last["event"] == "and this is written in any case"
    assert sum(json.loads(line).get("held_back", 0) for line in lines) > 19_000


def test_every_field_that_the_source_logs_is_known() -> None:
    """A field that is left out would be missed only when it is needed."""
    calls = [
        node
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "_LOG"
    ]
    used = {keyword.arg for call in calls for keyword in call.keywords}
    assert len(calls) > 8
    assert used - KNOWN == set()
