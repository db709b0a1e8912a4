"""What does the client itself say that a sub-agent used? Its own figures in an agent's result, read and compared.

``subagent_tokens`` is no sum: it is what the agent's last answer made of its context, prompt and output together
(measured with Claude Code 2.1.330). Agents of some kinds (Explore) report none.
"""

import re
from dataclasses import dataclass

USAGE_TAG = "<usage>"
"""A plain word that is quickly looked for, before the patterns."""
_RESULT = re.compile(r"<usage>subagent_tokens: (\d{1,15})\s+tool_uses: (\d{1,9})\s+duration_ms: (\d{1,12})</usage>")
"""At the end of a sub-agent's tool result (2.1.330)."""
_NOTIFIED = re.compile(
    r"<usage><subagent_tokens>(\d{1,15})</subagent_tokens><tool_uses>(\d{1,9})</tool_uses>"
    r"<duration_ms>(\d{1,12})</duration_ms></usage>"
)
"""At the end of the note that tells of a background agent's end (2.1.330)."""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What the client counted."""

    tokens: int
    tool_uses: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Its figure beside ours."""

    difference: int
    """All tokens that we counted, less what the client reports."""
    agrees: bool
    """The report is what the last answer held."""
    explanation: str


def agent_report(text: str) -> AgentReport | None:
    """Of a tool result or a note; the last one in it, since what the agent itself wrote stands before it."""
    if USAGE_TAG not in text:
        return None
    found = [*_RESULT.finditer(text), *_NOTIFIED.finditer(text)]
    last = max(found, key=lambda each: each.start(), default=None)
    return AgentReport(int(last[1]), int(last[2]), int(last[3])) if last else None


def compared(reported: int, *, last_answer: int | None, whole: int, requests: int) -> Comparison:
    """``last_answer``: tokens of the sub-task's newest answer, prompt and output; None: it has none.

    ``whole``: all tokens of all its ``requests``.
    """
    difference = whole - reported
    if reported == last_answer:
        if not difference:
            return Comparison(0, agrees=True, explanation="equal: there was one answer")
        said = f"the client reports the size of the last answer's context; all {requests} requests together used more"
        return Comparison(difference, agrees=True, explanation=said)
    if last_answer is None:
        return Comparison(difference, agrees=False, explanation="no answer of it is recorded here")
    said = f"the client reports {reported:,}, the last answer recorded here held {last_answer:,}: "
    said += "it went on after its report, or some of it did not pass here"
    return Comparison(difference, agrees=False, explanation=said)
