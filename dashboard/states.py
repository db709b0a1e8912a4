"""How did an exchange, or a line of talk, end? One word for both."""

from typing import Literal

State = Literal["running", "done", "failed", "cut"]


def state_of(outcome: str, status: int | None, error_type: str | None = None) -> State:
    """``cut``: the client or the shutdown ended it, nobody's failure; ``error_type``: also inside a 200 stream."""
    if outcome == "open":
        return "running"
    if outcome in {"client", "shutdown"}:
        return "cut"
    failed = outcome != "completed" or (status is not None and status >= 400) or error_type is not None
    return "failed" if failed else "done"
