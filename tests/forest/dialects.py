"""How does each client version speak? The table of claude-code-wire.md, column by column."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One client version's habits."""

    version: str
    task_tool: str
    session_header: bool
    agent_headers: bool
    """Agents are named in a header."""
    agent_id_digits: int
    """Of the agent id in a task's result; 0: it is not told."""
    old_user_id: bool
    billing_line: bool
    cch: bool
    """The billing line differs from request to request."""
    subagent_billing: bool
    system_messages: bool
    nested_agents: bool
    background: bool
    fork_agents: bool
    synthetic_answers: bool
    """``No response requested.`` where the API sent nothing."""
    plain: bool = False
    """No Claude Code at all."""

    @property
    def old(self) -> bool:
        """Until 2.0.x: cache marks always on the last message, a summarising call of its own kind, haiku helpers."""
        return self.old_user_id

    def __str__(self) -> str:
        return self.version


V1_0 = Dialect("1.0.128", "Task", False, False, 0, True, False, False, False, False, False, False, False, True)
V2_0 = Dialect("2.0.76", "Task", False, False, 7, True, False, False, False, False, False, False, False, True)
V2_1_117 = Dialect("2.1.117", "Agent", True, False, 17, False, True, True, False, False, False, False, False, True)
V2_1_197 = Dialect("2.1.197", "Agent", True, True, 17, False, True, False, False, True, True, True, False, True)
V2_1_330 = Dialect("2.1.330", "Agent", True, True, 17, False, True, False, True, True, True, True, True, False)
SDK = Dialect("sdk", "", False, False, 0, False, False, False, False, False, False, False, False, False, plain=True)
CURL = Dialect("curl", "", False, False, 0, False, False, False, False, False, False, False, False, False, plain=True)

CLAUDE_CODE = (V1_0, V2_0, V2_1_117, V2_1_197, V2_1_330)
PLAIN = (SDK, CURL)
EVERY = (*CLAUDE_CODE, *PLAIN)
