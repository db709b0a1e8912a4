"""Where was something said? Hits of a full text search, each at the place that said it first.

All that matches and passes the filters is counted up to a limit; of more, the newest are ranked. A text that several
threads of a conversation have, such as those before and after a session was resumed, is one hit.
"""

from domain.search_hits import Hit, Hits, SearchFilter
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

_FOUND = """
WITH hit AS MATERIALIZED (
    SELECT p.said, min(p.number) AS number, p.kind, p.is_error FROM read.search_pieces p
    WHERE p.words @@ $1::tsquery
        AND ($2::text IS NULL OR p.kind = CASE WHEN $2 IN ('prompt', 'answer') THEN 'text' ELSE $2 END)
        AND ($3::boolean IS NULL OR p.is_error = $3)
    GROUP BY p.said, p.kind, p.is_error
),
stands AS (
    SELECT h.said, h.number, h.is_error, s.received_at, s.request_id, s.in_answer, s.place, s.tool_name,
        CASE WHEN h.kind <> 'text' THEN h.kind WHEN s.role = 'assistant' THEN 'answer' ELSE 'prompt' END AS kind
    FROM hit h JOIN read.search_places s ON s.said = h.said
    WHERE ($4::text IS NULL OR s.tool_name = $4)
        AND ($5::timestamptz IS NULL OR s.received_at >= $5)
        AND ($6::timestamptz IS NULL OR s.received_at < $6)
        AND ($7::boolean OR NOT s.aside)
        AND ($2::text IS NULL OR $2 NOT IN ('prompt', 'answer') OR (s.role = 'assistant') = ($2 = 'answer'))
),
told AS (
    SELECT st.*, r.account, r.project, r.model, r.session_id, l.conversation_id, l.branch_id, l.request_class
    FROM stands st
    LEFT JOIN read.requests r ON r.request_id = st.request_id
    LEFT JOIN read.links l ON l.request_id = st.request_id
    WHERE ($8::text IS NULL OR r.model = $8)
        AND ($9::text IS NULL OR r.project = $9)
        AND ($10::text IS NULL OR r.account = $10)
        AND ($11::text IS NULL OR r.session_id = $11)
        AND ($12::uuid IS NULL OR l.conversation_id = (
                SELECT member.conversation_id FROM read.links member WHERE member.request_id = $12))
        AND ($13::text IS NULL OR l.request_class = $13)
),
once AS (
    SELECT DISTINCT ON (coalesce(conversation_id, request_id), said) * FROM told
    ORDER BY coalesce(conversation_id, request_id), said, received_at, request_id
),
newest AS MATERIALIZED (
    SELECT * FROM once ORDER BY received_at DESC, request_id DESC, said LIMIT $14
)
"""
_ITEMS = """
SELECT n.*, p.content, c.title, (SELECT count(*) FROM newest) AS total
FROM newest n
JOIN read.search_pieces p ON (p.said, p.number) = (n.said, n.number)
LEFT JOIN read.conversations c ON c.conversation_id = n.conversation_id
"""
SELECT_BEST = (
    _FOUND + _ITEMS + "ORDER BY ts_rank_cd(p.words, $1::tsquery, 1) DESC, n.received_at DESC, n.request_id DESC, n.said"
    " LIMIT $15 OFFSET $16"
)
SELECT_NEWEST = _FOUND + _ITEMS + "ORDER BY n.received_at DESC, n.request_id DESC, n.said LIMIT $15 OFFSET $16"


async def hits(
    connection: Connection, words: str, wanted: SearchFilter, most: int, page: tuple[int, int], *, best_first: bool
) -> Hits:
    """``words``: a tsquery; ``page``: limit and offset among the newest ``most``."""
    query = SELECT_BEST if best_first else SELECT_NEWEST
    found = await rows(connection, query, words, *_filters(wanted), most, *page)
    items = tuple(Hit(**{name: row[name] for name in Hit.__slots__}) for row in found)
    return Hits(items, found[0]["total"] if found else 0)


def _filters(wanted: SearchFilter) -> tuple[object, ...]:
    return (
        wanted.kind,
        wanted.is_error,
        wanted.tool,
        wanted.since,
        wanted.until,
        wanted.aside,
        wanted.model,
        wanted.project,
        wanted.account,
        wanted.session,
        wanted.conversation,
        wanted.request_class,
    )
