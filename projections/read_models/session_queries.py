"""What did one session use until now, and where does it stand? A few rows, for whoever asks again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.billing import BilledLine
from projections.read_models.connection import Connection
from projections.read_models.cost_queries import PRICED, line_of
from projections.read_models.reading import rows

SELECT_SPENT = f"""
SELECT sum(u.requests)::bigint AS requests, {PRICED}
WHERE u.request_id = ANY(ARRAY(SELECT request_id FROM read.requests WHERE session_id = $1))
GROUP BY 2, 3, 4, 5, 6, 7
ORDER BY 2, 3, 4, 5, 6, 7
"""  # noqa: S608  names of columns
SELECT_STANDING = """
SELECT coalesce(newest.account, newest.scope) AS account, main.model, main.context_tokens
FROM (
    SELECT account, scope FROM read.requests WHERE session_id = $1
    ORDER BY received_at DESC, request_id DESC LIMIT 1
) newest LEFT JOIN LATERAL (
    SELECT r.model, r.input_tokens + r.cache_read_tokens + r.cache_write_5m_tokens + r.cache_write_1h_tokens
        + r.output_tokens AS context_tokens
    FROM read.requests r JOIN read.links l ON l.request_id = r.request_id
    WHERE r.session_id = $1 AND l.request_class = 'main' AND l.edge <> 'aside' AND r.output_tokens IS NOT NULL
    ORDER BY r.received_at DESC, r.request_id DESC LIMIT 1
) main ON true
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """A sum of lines with one price."""

    day: date
    """Of UTC."""
    requests: int
    line: BilledLine
    unrecorded: int
    """So many of their answers could not be recorded whole."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session is."""

    account: str
    """Of its newest request: the account, else the scope."""
    model: str | None
    context_tokens: int | None
    """Prompt and output of the newest answer on the main thread; None, like ``model``: there is none."""


async def spent(connection: Connection, session: str) -> Sequence[Spent]:
    """All its requests, sub-agents among them, by what a price depends on."""
    found = await rows(connection, SELECT_SPENT, session)
    return [Spent(row["day"], row["requests"], line_of(row), row["unrecorded"]) for row in found]


async def standing(connection: Connection, session: str) -> Standing | None:
    """None: no request of it was ever seen."""
    found = await rows(connection, SELECT_STANDING, session)
    return Standing(found[0]["account"], found[0]["model"], found[0]["context_tokens"]) if found else None
