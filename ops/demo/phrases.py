"""What does the client write into requests by itself? Markers as Claude Code's, the rest in our own words.

The markers are what gateways recognise things by: tags, first words, field names. Nobody's prompt is in here.
"""

from datetime import date

from ops.demo.people import Person, Project

IDENTITY = "You are the coding assistant of the Nexus demo."
BILLING = "x-anthropic-billing-header: cc_version={version}.{suffix}; cc_entrypoint={entry};"
BILLING_AGENT = " cc_is_subagent=true;"

SUMMARY_REQUEST = """CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.

Your task is to create a detailed summary of the conversation so far: what was asked, what was decided and why, which \
files were touched, what is still open. Think in an <analysis> block, then put the summary into a <summary> block."""
SUMMARY_WORDS = "\n\nAdditional Instructions:\n{words}"
CONTINUATION = """This session is being continued from a previous conversation that ran out of context. \
The summary below covers the earlier portion of the conversation.

<system-reminder>
<tools-used-before-summary>{tools}</tools-used-before-summary>
</system-reminder>
Summary:
{summary}

What is not in the summary stands in the full transcript: {transcript}
Go on where the conversation stopped.

The messages after this summary are the newest ones from before it, kept verbatim."""
ASIDE = """<system-reminder>This is a side question from the user. Answer it from what is known already, without \
tools; the work before it goes on unchanged.</system-reminder>

{question}"""
INTERRUPTED = "[Request interrupted by user]"
AGENT_TYPES = "Available agent types for the Agent tool:\n- general-purpose: any task\n- Explore: finds and reads, only"
REMAINING = "\n\n<system-reminder>\n<total_tokens>{tokens} tokens left</total_tokens>\n</system-reminder>"

NAMING = "You are naming a coding session. Answer with a short title in the language of the session."
NAMING_REQUEST = "<session>\n{prompt}\n</session>\n\nName this session."
TITLE_SCHEMA = (
    b'{"type":"json_schema","schema":{"type":"object","properties":{"title":{"type":"string"}},'
    b'"required":["title"],"additionalProperties":false}}'
)

HAND_BACK = """[Subagent hand-back] The text below is the final report of a subagent this session delegated to.
  {report}
agentId: {agent} (use SendMessage with to: '{agent}' to go on with this agent)
<usage>subagent_tokens: {tokens}
tool_uses: {tool_uses}
duration_ms: {duration_ms}</usage>"""
LAUNCHED = """Async agent launched successfully.
agentId: {agent} (internal)
output_file: /tmp/claude/tasks/{agent}.output
You are told when it has ended; go on with something else meanwhile."""
NOTIFICATION = """<system-reminder>
[SYSTEM NOTIFICATION - NOT USER INPUT]
A task in the background has ended.

<task-notification>
<task-id>{agent}</task-id>
<tool-use-id>{tool_use}</tool-use-id>
<output-file>/tmp/claude/tasks/{agent}.output</output-file>
<status>completed</status>
<summary>Agent "{description}" finished</summary>
<result>{report}</result>
<usage><subagent_tokens>{tokens}</subagent_tokens><tool_uses>{tool_uses}</tool_uses>\
<duration_ms>{duration_ms}</duration_ms></usage>
</task-notification>
</system-reminder>"""
OLD_RESUMABLE = "agentId: {agent} (for resuming to continue this agent's work if needed)"
OLD_TODO_REMINDER = "<system-reminder>\nThe list of what is to be done has not changed for a while.\n</system-reminder>"
OLD_PATHS = "Name the files that this command reads or changes, in <filepaths>, and nothing else."
OLD_HISTORY = "Name the files that this user changes most, from what git says."

AGENT_PROMPTS = {
    "general-purpose": "You are an agent of the Nexus demo. Do the task you are given, then report what you found.",
    "Explore": "You are a file search agent of the Nexus demo. Find and read; change nothing. Report with paths.",
}


def main_prompt(project: Project) -> str:
    return (
        f"You help with software work in {project.path}.\n\n"
        "# How to work\nRead before you change. Run the tests after a change. Say plainly what you did not do.\n"
        "# How to speak\nShort, in plain words, without flattery.\n"
        f"# Memory\nNotes of earlier sessions lie in ~/.claude/projects/{_folder(project)}/memory."
    )


def signing_reminder() -> str:
    return _reminder("How work is signed here:\n- End git commit messages with:\nWritten with help from the demo")


def project_reminders(project: Project) -> tuple[str, str]:
    """CLAUDE.md and git, before the first prompt."""
    notes = f"Codebase and user instructions are shown below.\n# claudeMd\n{project.path}/CLAUDE.md:\n\n{project.notes}"
    return _reminder(notes), _reminder(f"As you begin, git says:\n# gitStatus\n{project.status}")


def environment(person: Person, project: Project, today: date) -> str:
    """The first system message of a conversation."""
    return (
        f"# Environment\n - Primary working directory: {project.path}\n - Is a git repository: true\n"
        f" - Platform: linux\n - Shell: bash\n - Host: {person.device}\n\nToday's date is {today}."
    )


def transcript(project: Project, session_id: str) -> str:
    return f"~/.claude/projects/{_folder(project)}/{session_id}.jsonl"


def compact_command(words: str) -> tuple[str, ...]:
    """What ``/compact`` leaves before the next prompt."""
    return (
        "<local-command-caveat>The user ran the command below; it is not meant for the model.</local-command-caveat>\n",
        f"<command-name>/compact</command-name>\n<command-args>{words}</command-args>\n",
        "<local-command-stdout>Compacted</local-command-stdout>\n",
    )


def _reminder(text: str) -> str:
    return f"<system-reminder>\n{text}\n</system-reminder>\n"


def _folder(project: Project) -> str:
    return project.path.replace("/", "-")
