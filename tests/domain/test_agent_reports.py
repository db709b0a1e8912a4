"""The client's own figure of a sub-agent is read where it stands, and is what its last answer held."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agent_reports import AgentReport, Comparison, agent_report, compared
from domain.assembly import assemble
from domain.billing import prompt_tokens
from domain.usage import read_usage
from tests import captures

RESULT = "<usage>subagent_tokens: {}\ntool_uses: {}\nduration_ms: {}</usage>"
NOTE = "<usage><subagent_tokens>{}</subagent_tokens><tool_uses>{}</tool_uses><duration_ms>{}</duration_ms></usage>"
COUNT = st.integers(0, 10**9 - 1)


@given(st.sampled_from([RESULT, NOTE]), COUNT, COUNT, COUNT, st.text(), st.text())
def test_it_is_read_from_whatever_stands_around_it(
    form: str, tokens: int, tools: int, took: int, before: str, behind: str
) -> None:
    said = before + form.format(tokens, tools, took) + behind
    assert agent_report(said) == AgentReport(tokens, tools, took)


@given(st.text())
def test_another_text_has_none(text: str) -> None:
    assert agent_report(text) is None
    assert agent_report(f"<usage>{text}</usage>") is None


@pytest.mark.parametrize(("first", "last"), [(RESULT, NOTE), (NOTE, RESULT), (RESULT, RESULT)])
def test_what_an_agent_wrote_itself_does_not_count(first: str, last: str) -> None:
    assert agent_report(first.format(1, 1, 1) + last.format(2, 2, 2)) == AgentReport(2, 2, 2)


@pytest.mark.parametrize(
    "text",
    [RESULT.format("-1", 1, 1), RESULT.format("1e9", 1, 1), RESULT.format(1, "", 1), NOTE.format("9" * 40, 1, 1)],
)
def test_a_figure_that_is_no_count_is_none(text: str) -> None:
    assert agent_report(text) is None


def agents_of(capture: str) -> dict[str, list[tuple[int, int]]]:
    """For each agent: what each of its answers held, prompt and output together, and the output alone."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in captures.exchanges(capture):
        agent = {name.lower(): value for name, value in one.headers}.get("x-claude-code-agent-id")
        if agent:
            message = assemble(one.answer, "text/event-stream")
            tokens = read_usage(message.usage).tokens
            found.setdefault(agent, []).append((prompt_tokens(tokens) + tokens.output_tokens, tokens.output_tokens))
    return found


def reports_in(capture: str) -> dict[str, AgentReport]:
    """By agent, from every text of every request."""
    found: dict[str, AgentReport] = {}
    for one in captures.exchanges(capture):
        for text in _texts(json.loads(one.body or b"{}")):
            report = agent_report(text)
            if report is not None:
                (agent,) = [agent for agent in agents_of(capture) if agent in text]
                found[agent] = report
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize(
    ("capture", "reported"),
    [("d1_one_agent", [8575]), ("d2_two_agents", [8575]), ("d5_background", [7472]), ("custom_agents", [])],
)
def test_in_real_traffic_it_is_what_the_last_answer_held(capture: str, reported: list[int]) -> None:
    agents, reports = agents_of(capture), reports_in(capture)
    assert sorted(report.tokens for report in reports.values()) == reported
    for agent, report in reports.items():
        held = [whole for whole, _ in agents[agent]]
        found = compared(report.tokens, last_answer=held[-1], whole=sum(held), requests=len(held))
        assert (found.agrees, found.difference) == (True, sum(held) - held[-1])
        assert "all 2 requests together used more" in found.explanation


def test_how_it_is_explained() -> None:
    one = compared(48, last_answer=48, whole=48, requests=1)
    assert one == Comparison(0, agrees=True, explanation="equal: there was one answer")
    none = compared(48, last_answer=None, whole=0, requests=1)
    assert none == Comparison(-48, agrees=False, explanation="no answer of it is recorded here")
    other = compared(48, last_answer=50, whole=100, requests=2)
    assert (other.difference, other.agrees) == (52, False)
    assert "reports 48" in other.explanation
    assert "held 50" in other.explanation
