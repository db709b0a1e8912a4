"""Reports: one line each, never blocking, never failing."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ops.reports import MAX_LINE_BYTES, Notice, Ready, Report, Reporter, decode, encode


def reports() -> st.SearchStrategy[Report]:
    texts = st.text(max_size=200)
    return st.builds(Ready, texts, texts, texts) | st.builds(Notice, texts)


@given(reports())
def test_a_report_is_one_line_and_comes_back_equal(report: Report) -> None:
    line = encode(report)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == report


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=900, max_size=6000))
def test_a_long_notice_is_cut_and_no_line_is_longer_than_a_pipe_takes_whole(text: str) -> None:
    line = encode(Notice(text))
    assert len(line) <= MAX_LINE_BYTES
    if line:
        report = decode(line)
        assert isinstance(report, Notice)
        assert text.startswith(report.text.removesuffix("…"))


def test_a_report_that_would_not_fit_is_none() -> None:
    assert encode(Ready("x" * MAX_LINE_BYTES)) == b""


@given(st.binary(max_size=100))
def test_whatever_else_is_printed_is_no_report(line: bytes) -> None:
    assert decode(b"\xff" + line) is None


def test_json_that_is_no_report_is_none() -> None:
    assert decode(b'{"type":"other"}') is None
    assert decode(b"[]") is None


def test_a_full_pipe_drops_the_report_and_does_not_block() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing)
    for _ in range(200):
        reporter.send(Notice("x" * 900))
    taken = os.read(reading, 1 << 20)
    assert taken.endswith(b"\n")
    assert all(isinstance(decode(line), Notice) for line in taken.splitlines())
    assert len(taken.splitlines()) < 200
    os.close(reading)
    os.close(writing)


def test_a_supervisor_that_is_gone_does_not_fail_the_part() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Reporter(writing).send(Ready())
    os.close(writing)


def test_without_a_supervisor_reports_go_nowhere() -> None:
    Reporter(None).send(Ready())
