"""What did an exchange use, and who used it? Its billed lines with all that they are added up by.

An exchange has at least one line: of what was not billed (an error, a count, an answer that never came) the line says
that it was there. Each attempt of a retry is an exchange, so it counts on its own. What its link says of a line
(class, conversation, branch, the agent's type) is put in where links are known (``read_models/usage_rollup.py``).
"""

from domain.assembly import AssembledMessage
from domain.billing import BilledLine, Tariff, billed_lines_of, is_token_count
from domain.request_view import RequestView
from domain.usage import TokenCounts, read_usage
from domain.working_directory import folder_name, working_directory
from projections.exchanges import Exchange, header
from projections.read_models.rows import storable
from projections.read_models.usage_rollup import UsageLine
from schemas.stored.events import RequestReceived, ResponseAborted

_ANSWER, _UNBILLED = "message", "unbilled"
"""The kind of line 0: of an answer that was billed, and of one that was not or never came."""
_ERROR = 400


def directory_of(exchange: Exchange) -> str:
    """Where the client works, if it is needed: a client that names its project is believed."""
    if exchange.view is None or (exchange.request and header(exchange.request.headers, "x-nexus-project")):
        return ""
    return working_directory(exchange.view)


def lines_of(request: RequestReceived, exchange: Exchange, directory: str, scope_key: bytes) -> list[UsageLine]:
    """``request``: the exchange's own; ``scope_key``: looked at only if there is a directory."""
    project = folder_name(scope_key, directory) if directory else header(request.headers, "x-nexus-project")
    asked = (exchange.view.model if exchange.view else None) or ""
    billed = billed_lines_of(exchange.message, asked_model=asked, path=request.target)
    if not any(line.kind == _ANSWER for line in billed[:1]):
        billed = (_unbilled(exchange, asked), *billed)
    return [_line(request, exchange, number, line, project) for number, line in enumerate(billed)]


def _unbilled(exchange: Exchange, asked: str) -> BilledLine:
    answered = exchange.message.model if exchange.message else ""
    return BilledLine(tariff=Tariff(model=answered or asked), tokens=TokenCounts(), kind=_UNBILLED)


def _line(request: RequestReceived, exchange: Exchange, number: int, line: BilledLine, project: str) -> UsageLine:
    first, tariff = number == 0, line.tariff
    return UsageLine(
        request_id=exchange.request_id,
        line=number,
        kind=storable(line.kind),
        received_at=request.timestamp,
        said_project=storable(project),
        said_agent_type=storable(header(request.headers, "x-claude-code-agent-type")),
        scope=storable(request.scope),
        account=storable(request.account or request.scope),
        client_domain=storable(request.client_domain),
        key_id=request.key_id or "",
        device=storable(_device(exchange.view)),
        model=storable(tariff.model),
        service_tier=storable(tariff.service_tier),
        speed=storable(tariff.speed),
        inference_geo=storable(tariff.inference_geo),
        long_context=tariff.long_context,
        estimated=line.estimated_output_tokens > 0,
        requests=int(first),
        failed=int(first and _failed(exchange)),
        aborted=int(first and isinstance(exchange.end, ResponseAborted)),
        unrecorded=int(first and _is_unrecorded(request, exchange)),
        input_tokens=line.tokens.input_tokens,
        output_tokens=line.tokens.output_tokens,
        estimated_output_tokens=line.estimated_output_tokens,
        thinking_tokens=_thinking(exchange) if first and line.kind != _UNBILLED else 0,
        cache_read_tokens=line.tokens.cache_read_tokens,
        cache_write_5m_tokens=line.tokens.cache_write_5m_tokens,
        cache_write_1h_tokens=line.tokens.cache_write_1h_tokens,
        web_searches=line.web_searches,
    )


def _device(view: RequestView | None) -> str:
    """The machine, or the end user whom a program other than Claude Code names."""
    return (view.identity.device or view.identity.user or "") if view else ""


def _failed(exchange: Exchange) -> bool:
    """An error answer, upstream's or our own, or an error in the middle of a stream."""
    refused = exchange.response is not None and exchange.response.status >= _ERROR
    return refused or (exchange.message is not None and exchange.message.error is not None)


def _is_unrecorded(request: RequestReceived, exchange: Exchange) -> bool:
    """A model was asked, a part of its answer could not be kept, and with it what it used: no zero would be true."""
    if exchange.end is None or not any(gap.part == "response" for gap in exchange.gaps):
        return False
    asks = request.method == "POST" and (exchange.view is None or exchange.view.model is not None)
    return asks and not (is_token_count(request.target) or _failed(exchange) or _is_counted(exchange.message))


def _is_counted(message: AssembledMessage | None) -> bool:
    """Both counts are there: of the prompt, from the answer's start, and of the output, from its end."""
    return message is not None and message.whole and "input_tokens" in message.usage


def _thinking(exchange: Exchange) -> int:
    return (read_usage(exchange.message.usage).thinking_tokens or 0) if exchange.message else 0
