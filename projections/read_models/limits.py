"""What did answers tell of limits? Rows of the ``limits`` projection, and how they are written.

A row stands for all sightings of one gauge in one stretch of time, by the newest of them. What is newest does not
depend on the order of writing, so neither do the rows, and writing a sighting again changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

UPSERT = """
INSERT INTO limit_sightings AS known
SELECT * FROM jsonb_populate_recordset(NULL::limit_sightings, $1::jsonb) ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (account_key, span, bucket, kind, gauge) DO UPDATE SET
    seen_at = excluded.seen_at, request_id = excluded.request_id, scope = excluded.scope, key_id = excluded.key_id,
    client_domain = excluded.client_domain, status = excluded.status, utilization = excluded.utilization,
    resets_at = excluded.resets_at, surpassed = excluded.surpassed, threshold = excluded.threshold,
    facts = excluded.facts, unknown = excluded.unknown, malformed = excluded.malformed
WHERE (excluded.seen_at, excluded.request_id) > (known.seen_at, known.request_id)
"""

Key = tuple[str, int, datetime, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """One gauge of one answer, in one bucket."""

    account_key: str
    span: int
    bucket: datetime
    kind: str
    gauge: str
    seen_at: datetime
    request_id: UUID
    scope: str
    key_id: str | None
    client_domain: str
    status: str | None
    utilization: float | None
    resets_at: datetime | None
    surpassed: bool
    threshold: float | None
    facts: Mapping[str, str]
    unknown: Mapping[str, str]
    malformed: Sequence[str]

    @property
    def key(self) -> Key:
        return self.account_key, self.span, self.bucket, self.kind, self.gauge


async def save(tx: Connection, rows: Iterable[SightingRow]) -> None:
    """Of each key the newest stays, among these and what is there."""
    newest = dict[Key, SightingRow]()
    for row in rows:
        known = newest.get(row.key)
        if known is None or (row.seen_at, row.request_id) > (known.seen_at, known.request_id):
            newest[row.key] = row
    if newest:
        await tx.execute(UPSERT, as_json(list(newest.values())))
