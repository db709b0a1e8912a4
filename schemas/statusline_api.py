"""What does the read API answer for Claude Code's status line? The shape of its JSON: one session at a glance."""

from datetime import datetime
from decimal import Decimal

from schemas.limits_api import Source
from schemas.read_api import Answer, TokenCounts


class FiveHourItem(Answer):
    """The account's 5-hour window."""

    percent: float | None
    """0 to 100, beyond it where use goes on beyond the plan; null: not known, and ``how`` says why."""
    resets_at: datetime
    resets_in_s: int
    """Seconds from ``as_of`` to its reset."""
    source: Source
    """``header``: an answer said so; ``reckoned``: by us."""
    how: str


class StatusLine(Answer):
    """Of ``GET /api/statusline``. Of a session that was never seen everything is null or 0, and ``text`` says so."""

    session: str
    as_of: datetime
    requests: int
    """Attempts, sub-agents and side calls among them."""
    cost_usd: Decimal | None
    """Of everything that has a price; null: something was used, and nothing of it has one."""
    unpriced_tokens: int
    """That have none, so ``cost_usd`` is too low."""
    unrecorded: int = 0
    """Answers that could not be recorded whole: what they used is not in it, or not all of it."""
    estimated: bool
    """A part of the cost rests on an estimate: an answer broke off."""
    api_equivalent: bool = False
    """A subscription pays: the cost is what the API would have taken."""
    tokens: TokenCounts
    context_tokens: int | None
    """Prompt and output of the newest answer on the main thread: what the next prompt begins with."""
    model: str | None
    """Of that answer."""
    five_hour: FiveHourItem | None
    """Null: the account has none that is open."""
    text: str
    """All of it in one line."""
