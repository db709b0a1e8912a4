"""What did an answer tell of the account's limits? The gauges in its headers, as rows.

Only upstream's own answers tell: a refusal of the gateway's speaks of limits of Nexus. A row is a function of the
request's and the answer's head alone, so bodies are not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.ids import Position
from domain.rate_limits import Gauge, read_rate_limits
from domain.windows import length_of
from projections.exchanges import Exchange, ExchangeReader
from projections.projector import Write
from projections.read_models import limits
from projections.read_models.connection import Connection
from projections.read_models.limits import SightingRow
from projections.read_models.rows import storable, storable_or_none
from schemas.stored.events import HeaderFact, RequestReceived, ResponseStarted

BARE = "bare"
"""Kind of the row of an answer without any such header: it tells that there was none."""
MINUTE, QUARTER, HOUR = 1, 15, 60
"""Spans, in minutes."""
_DAY = timedelta(days=1)
_MAX_NAME, _MAX_WORD = 80, 200


@dataclass(frozen=True, slots=True)
class LimitsWrite:
    """The rows that are written."""

    rows: Sequence[SightingRow]

    async def __call__(self, tx: Connection) -> None:
        await limits.save(tx, self.rows)


class LimitsProjector:
    """Keeps the ``limit_sightings`` table."""

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        heads = await self._reader.heads(request_ids, upto)
        return LimitsWrite([row for exchange in heads for row in rows_of(exchange)])


def rows_of(exchange: Exchange) -> Iterator[SightingRow]:
    """Two for each gauge, one of the minute and one of a longer span; none before upstream has answered."""
    request, response = exchange.request, exchange.response
    if request is None or response is None or response.origin != "upstream":
        return
    gauges = read_rate_limits(_values(response.headers))
    for gauge in gauges:
        yield from _rows(request, response, gauge.kind, gauge)
    if not gauges:
        yield from _rows(request, response, BARE, Gauge(kind="overall", name=""))


def _rows(request: RequestReceived, response: ResponseStarted, kind: str, gauge: Gauge) -> Iterator[SightingRow]:
    seen_at = request.timestamp + timedelta(microseconds=response.elapsed_us)
    for span in (MINUTE, _long_span(gauge)):
        yield SightingRow(
            account_key=storable(request.account or request.scope),
            span=span,
            bucket=_bucket(seen_at, span),
            kind=kind,
            gauge=storable(gauge.name, _MAX_NAME),
            seen_at=seen_at,
            request_id=request.originator_id,
            scope=storable(request.scope),
            key_id=request.key_id,
            client_domain=storable(request.client_domain),
            status=storable_or_none(gauge.status, _MAX_WORD),
            utilization=gauge.utilization,
            resets_at=gauge.resets_at,
            surpassed=gauge.surpassed,
            threshold=gauge.threshold,
            facts=_words(gauge.facts),
            unknown=_words(gauge.unknown),
            malformed=[storable(name, _MAX_NAME) for name in gauge.malformed],
        )


def _long_span(gauge: Gauge) -> int:
    """Short windows need the finer one."""
    length = length_of(gauge.name)
    return QUARTER if length is not None and length < _DAY else HOUR


def _bucket(moment: datetime, span: int) -> datetime:
    return moment.replace(minute=moment.minute // span * span, second=0, microsecond=0)


def _words(members: Mapping[str, str]) -> dict[str, str]:
    return {storable(name, _MAX_NAME): storable(value, _MAX_WORD) for name, value in members.items()}


def _values(headers: Sequence[HeaderFact]) -> dict[str, str]:
    """Kept values by name in lower case; several lines are joined as HTTP does."""
    found = dict[str, str]()
    for fact in headers:
        if fact.value is not None:
            name = fact.name.lower()
            found[name] = f"{found[name]}, {fact.value}" if name in found else fact.value
    return found
