"""Where was something said? Hits of a full text search, each at the place that said it first.

Places that match and pass the filters are gone through from the newest on, up to a limit. Of a word that is everywhere
that is a walk along their times, of a rare word a look into the index of words: both give the same, and the planner
chooses. A text that several threads of a conversation have, such as those before and after a session was resumed, is
one hit then.
"""

from domain.search_hits import Hit, Hits, SearchFilter
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

_FOUND = """
WITH newest AS MATERIALIZED (
    SELECT s.said, p.number, p.is_error, s.received_at, s.request_id, s.in_answer, s.place, s.tool_name,
        CASE WHEN p.kind <> 'text' THEN p.kind WHEN s.role = 'assistant' THEN 'answer' ELSE 'prompt' END AS kind,
        r.account, r.project, r.model, r.session_id, l.conversation_id, l.branch_id, l.request_class
    FROM read.search_places s
    JOIN read.search_pieces p ON p.said = s.said
    LEFT JOIN read.requests r ON r.request_id = s.request_id
    LEFT JOIN read.links l ON l.request_id = s.request_id
    WHERE p.words @@ $1::tsquery
        AND ($2::text IS NULL OR p.kind = CASE WHEN $2 IN ('prompt', 'answer') THEN 'text' ELSE $2 END)
        AND ($2::text IS NULL OR $2 NOT IN ('prompt', 'answer') OR (s.role = 'assistant') = ($2 = 'answer'))
        AND ($3::boolean IS NULL OR p.is_error = $3)
        AND ($4::text IS NULL OR s.tool_name = $4)
        AND ($5::timestamptz IS NULL OR s.received_at >= $5)
        AND ($6::timestamptz IS NULL OR s.received_at < $6)
        AND ($7::boolean OR NOT s.aside)
        AND ($8::text IS NULL OR r.model = $8)
        AND ($9::text IS NULL OR r.project = $9)
        AND ($10::text IS NULL OR r.account = $10)
        AND ($11::text IS NULL OR r.session_id = $11)
        AND ($12::uuid IS NULL OR l.conversation_id = (
                SELECT member.conversation_id FROM read.links member WHERE member.request_id = $12))
        AND ($13::text IS NULL OR l.request_class = $13)
        AND ($17::uuid[] IS NULL OR s.request_id = ANY($17))
    ORDER BY s.received_at DESC, s.request_id DESC, s.said, p.number LIMIT $14
),
once AS MATERIALIZED (
    SELECT DISTINCT ON (coalesce(conversation_id, request_id), said) *
    FROM (SELECT * FROM newest ORDER BY received_at DESC, request_id DESC, said, number LIMIT $14 - 1) looked_at
    ORDER BY coalesce(conversation_id, request_id), said, received_at, request_id, number
)
SELECT o.*, p.content, c.title, (SELECT count(*) FROM once) AS total, (SELECT count(*) FROM newest) AS places
FROM once o
JOIN read.search_pieces p ON (p.said, p.number) = (o.said, o.number)
LEFT JOIN read.conversations c ON c.conversation_id = o.conversation_id
"""
_BEST = """
ORDER BY ts_rank_cd(p.words, $1::tsquery, 1) DESC, o.received_at DESC, o.request_id DESC, o.said LIMIT $15 OFFSET $16
"""
_NEWEST = "ORDER BY o.received_at DESC, o.request_id DESC, o.said LIMIT $15 OFFSET $16"
SELECT_BEST = _FOUND + _BEST
SELECT_NEWEST = _FOUND + _NEWEST


async def hits(
    connection: Connection, words: str, wanted: SearchFilter, most: int, page: tuple[int, int], *, best_first: bool
) -> Hits:
    """``words``: a tsquery; ``page``: limit and offset among those of the newest ``most`` places."""
    query = SELECT_BEST if best_first else SELECT_NEWEST
    asked = None if wanted.requests is None else list(wanted.requests)
    found = await rows(connection, query, words, *_filters(wanted), most + 1, *page, asked)
    items = tuple(Hit(**{name: row[name] for name in Hit.__slots__}) for row in found)
    return Hits(items, found[0]["total"], more=found[0]["places"] > most) if found else Hits((), 0)


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
