"""Which words of the client do our rules rest on? One table, with where each was seen.

A rule that rests on a phrase has a second, structural sign beside it, or it makes a weaker, labelled link. Some come
twice: a plain word that is quickly looked for, and the pattern around it.
"""

import re

REMINDER_TAG = "<system-reminder>"
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
"""Text the client puts in by itself, in texts and inside tool results (all versions)."""

AGENT_LABEL = "agentId: "
AGENT_MENTION = re.compile(r"\bagentId: (a[0-9a-f]{16})\b")
"""In the tool result of a sub-agent, next to its tool use id (2.1.197 to 2.1.330; not for Explore)."""

NOTIFICATION_TAG = "<task-id>"
NOTIFICATION_TASK = re.compile(r"<task-id>(a[0-9a-f]{16})</task-id>")
NOTIFICATION_TOOL_USE = re.compile(r"<tool-use-id>(\w+)</tool-use-id>")
"""In the user text that tells of a background agent's end (2.1.330): agent id and tool use id."""

BILLING_LINE = "x-anthropic-billing-header:"
"""Start of ``system[0]`` (from 2.1.117 on); no part of the prompt."""
SUBAGENT_BILLING = "cc_is_subagent=true"
"""In the billing line of a sub-agent's request (2.1.330)."""

SUMMARY_REQUEST = re.compile(r"Your task is to create a detailed summary of")
"""In the last user message of a compaction's summarising call (1.0.128 to 2.1.330)."""
SUMMARIZER_SYSTEM = re.compile(r"tasked with summarizing conversations")
"""In the system prompt of the summarising call until 2.0.x; its only tool is ``Read``."""
SUMMARIZER_TOOLS = ("Read",)

SYNTHETIC_ANSWER = "No response requested."
"""An assistant message that the client wrote and the API never sent (until 2.1.197, after a resume or compaction)."""

PASSING_NOTES = re.compile(
    r"Tool loaded\.|Continue from where you left off\.|Output token limit hit\. Resume directly\b.*"
    r"|Your response was cut off because it exceeded the output token limit\..*",
    re.DOTALL,
)
"""Whole user texts that the client puts in for one request and may leave out of the next ones (2.1.20 to 2.1.330)."""

CONTINUATION = "This session is being continued from a previous conversation"
"""Start of the first user text after a compaction (1.0.128 to 2.1.330)."""
SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)
"""What of the summarising call's answer comes back, verbatim, in that text (all versions)."""

SIDE_QUESTIONS = ("This is a side question from the user.", "The user stepped away and is coming back.")
"""In the question of ``/btw`` and of a recap (2.1.330). Asked for only where no cache mark is to be seen."""
WARM_UP = "Warmup"
"""The whole prompt of a request that only fills the prompt cache (2.0.x)."""

WEB_SEARCH_TOOL = "web_search_"
"""Start of the tool's ``type`` in the web-search helper's requests."""
CLIENT_AGENT = "claude-cli/"
"""Start of Claude Code's User-Agent (all versions)."""
