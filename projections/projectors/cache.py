"""What became of the prompt cache in each request? Compared with the one before it in its line of talk.

A line of talk is known by session and agent, and, where a client says no agent, by the text it began with or by the
system prompt and tools it is asked under: titles, helpers and another agent's requests are no part of it. A request
that stands on the history aside, such as a side question, is compared, but nothing is compared with it.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from domain.billing import long_context_above
from domain.cache_misses import Between, CacheRequest, CacheVerdict, explain
from domain.cached_prompt import CachedPrompt, opening_of, prompt_of, use_of
from domain.classification import Classified, classify, is_summarizer
from domain.exchange_facts import kept_headers
from domain.ids import Position
from domain.request_view import RequestView
from domain.usage import Usage, read_usage
from projections.exchanges import Exchange, ExchangeReader, header, session_of
from projections.projector import Write
from projections.read_models import cache
from projections.read_models.cache import Case, PromptRow, Segments, VerdictRow
from projections.read_models.connection import Connection
from projections.read_models.rows import storable, storable_or_none
from schemas.stored.events import RequestReceived, ResponseStarted

_ORGANISATION = "anthropic-organization-id"
_TALKS = {"main", "subagent"}


class CacheProjector:
    """Keeps ``cache_verdicts``, and the prompts they rest on."""

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        exchanges = await self._reader.read(request_ids, upto)
        ids = [one.request_id for one in exchanges]
        rows, segments = list[PromptRow](), dict[UUID, bytes]()
        for one in exchanges:
            row, blocks = _row_of(one)
            rows += [row] if row else []
            segments |= blocks

        async def write(tx: Connection) -> None:
            await cache.save(tx, ids, rows, segments)
            touched = await cache.touched(tx, [row.request_id for row in rows])
            found = await cache.cases(tx, touched)
            blocks = await cache.segments_in(tx, found)
            await cache.replace_verdicts(tx, touched, [_verdict_row(case, blocks) for case in found])

        return write


def _row_of(one: Exchange) -> tuple[PromptRow | None, dict[UUID, bytes]]:
    """None: it is no request of a line of talk."""
    request, usage = one.request, _usage(one)
    found = _classified(request, one.view, usage) if request else None
    session = session_of(request, one.view) if request else ""
    if request is None or found is None or not session:
        return None, {}
    prompt = prompt_of(one.view) if one.view else None
    order, segments = cache.segments_of(request.scope, prompt) if prompt else ((), {})
    opening = opening_of(one.view) if one.view else None
    use = use_of(usage) if usage else None
    row = PromptRow(
        request_id=one.request_id,
        received_at=request.timestamp,
        answering_at=one.response.timestamp if one.response and one.response.status < 400 else None,
        ended_at=one.end.timestamp if one.end else None,
        scope=storable(request.scope),
        session=storable(session),
        agent=storable(header(request.headers, "x-claude-code-agent-id")),
        talks=found.request_class in _TALKS and one.view is not None,
        whole=prompt is not None,
        opening=UUID(bytes=opening) if opening else None,
        frame=_frame(prompt) if prompt else None,
        continues=bool(prompt and prompt.continues),
        segments=order,
        marks=prompt.marks if prompt else (),
        model=storable(_model(one)),
        organisation=storable(_organisation(one.response)),
        settings=tuple((name, storable(value)) for name, value in (one.view.settings if one.view else ())),
        betas=_betas(request),
        answered=use is not None,
        cached=use.cached if use else 0,
        used=use,
        client_domain=storable(request.client_domain),
        account=storable(request.account or request.scope),
        project=storable_or_none(header(request.headers, "x-nexus-project") or None),
        service_tier=storable((usage and usage.service_tier) or ""),
        speed=storable((usage and usage.speed) or ""),
        inference_geo=storable((usage and usage.inference_geo) or ""),
    )
    return row, segments


def _classified(request: RequestReceived, view: RequestView | None, usage: Usage | None) -> Classified | None:
    """None: it stands in no line of talk. What is not recorded may stand in one, if it was answered with usage."""
    found = classify(request.target, kept_headers(request), view)
    if view is None:
        return found if usage is not None and found.evidence.kind != "path" else None
    if is_summarizer(view) or (found.request_class == "auxiliary" and not found.side):
        return None
    return found


def _usage(one: Exchange) -> Usage | None:
    return read_usage(one.message.usage) if one.message is not None and one.message.usage else None


def _model(one: Exchange) -> str:
    """That answered; entries are kept by it, not by the name it was asked for under."""
    return (one.message.model if one.message else None) or (one.view.model if one.view else None) or ""


def _organisation(response: ResponseStarted | None) -> str:
    return header(response.headers, _ORGANISATION) if response else ""


def _betas(request: RequestReceived) -> tuple[str, ...]:
    said = header(request.headers, "anthropic-beta").split(",")
    return tuple(sorted({storable(beta.strip(), 100) for beta in said if beta.strip()}))


def _frame(prompt: CachedPrompt) -> UUID:
    same = [piece.same for piece in prompt.pieces if piece.section != "message"]
    return cache.digest_id(msgspec.msgpack.encode(same))


def _verdict_row(case: Case, segments: Segments) -> VerdictRow:
    now, between = case.now, Between(incomplete=case.incomplete, used_at=case.used_at)
    before = _request(case.before, segments) if case.before else None
    said = explain(before, _request(now, segments), between)
    prompt_tokens = now.used.read_in_all + now.used.paid_anew if now.used else 0
    return VerdictRow(
        request_id=now.request_id,
        received_at=now.received_at,
        previous_request_id=case.before.request_id if case.before else None,
        cause=said.cause,
        certainty=said.certainty,
        detail=storable(said.detail),
        stable_blocks=said.stable_blocks,
        stable_tokens=said.stable_tokens,
        stable_estimated=said.stable_estimated,
        divergence=_divergence(said),
        lost_tokens=said.lost,
        rewritten_5m_tokens=said.rewritten.write_5m,
        rewritten_1h_tokens=said.rewritten.write_1h,
        rewritten_input_tokens=said.rewritten.fresh,
        rewritten_estimated=said.rewritten_estimated,
        prompt_tokens=prompt_tokens,
        long_context=prompt_tokens > long_context_above(now.model),
        model=now.model,
        client_domain=now.client_domain,
        account=now.account,
        project=now.project,
        service_tier=now.service_tier,
        speed=now.speed,
        inference_geo=now.inference_geo,
    )


def _request(row: PromptRow, segments: Segments) -> CacheRequest:
    return CacheRequest(
        received_at=row.received_at,
        answering_at=row.answering_at,
        ended_at=row.ended_at,
        model=row.model,
        account=row.account,
        organisation=row.organisation,
        settings=row.settings,
        betas=row.betas,
        aside=row.whole and not row.talks,
        prompt=cache.prompt_in(row, segments),
        use=row.used,
    )


def _divergence(said: CacheVerdict) -> dict[str, str | int] | None:
    found = said.divergence
    if found is None:
        return None
    return {
        "section": found.section,
        "place": found.place,
        "name": storable(found.name),
        "role": storable(found.role),
        "kind": storable(found.kind),
    }
