"""What do callers of the Python SDK get? Each call of a fixed list, with its result or its error as plain data."""

from collections.abc import Callable
from typing import Any

import anthropic
from anthropic import Anthropic

FAKE_KEY = "sk-ant-api03-not-a-key"
Call = Callable[[Anthropic], Any]
ASK: dict[str, Any] = {"max_tokens": 9, "messages": [{"role": "user", "content": "h\u00e9 \U0001f600"}]}
PARAMS: Any = {"model": "plain", **ASK}
STATUSES = (400, 401, 403, 404, 413, 429, 500, 529)
OURS = {"x-nexus-request-id", "transfer-encoding"}
"""Response headers that the table of exceptions speaks of."""


def ask(model: str, **more: Any) -> Call:
    return lambda client: client.messages.create(model=model, **ASK, **more)


def stream(model: str) -> Call:
    def call(client: Anthropic) -> Any:
        got: list[Any] = []
        try:
            got.extend(event.to_dict() for event in client.messages.create(model=model, stream=True, **ASK))
        except Exception as error:  # noqa: BLE001  # whatever it raises is what is compared
            got.append(failure(error))
        return got

    return call


def _assembled(client: Anthropic) -> Any:
    with client.messages.stream(model="plain", **ASK) as events:
        kinds = [event.type for event in events]
        return [kinds, events.get_final_message().to_dict(), events.request_id]


def _raw(client: Anthropic) -> Any:
    raw = client.messages.with_raw_response.create(model="plain", **ASK)
    lines = [(name, value) for name, value in raw.headers.multi_items() if name not in OURS]
    return [raw.status_code, lines, raw.parse().to_dict(), raw.retries_taken]


def _pages(client: Anthropic) -> Any:
    return [one.to_dict() for one in client.models.list(limit=3, extra_query={"x": "a/b c\u00e9"})]


CALLS: dict[str, Call] = {
    "create": ask(
        "plain", extra_headers={"anthropic-beta": "from-the-future-2031"}, extra_body={"from_the_future": {}}
    ),
    "beta create": lambda client: client.beta.messages.create(model="plain", betas=["a-1", "b-2"], **ASK),
    "raw": _raw,
    "stream": stream("plain"),
    "assembled": _assembled,
    "a stream that fails": stream("fails-in-the-stream"),
    "a stream that breaks": stream("breaks"),
    "count": lambda client: client.messages.count_tokens(model="plain", messages=ASK["messages"]),
    "models": _pages,
    "model": lambda client: client.models.retrieve("claude-x"),
    "batches: create": lambda client: client.messages.batches.create(requests=[{"custom_id": "a", "params": PARAMS}]),
    "batches: get": lambda client: client.messages.batches.retrieve("msgbatch_1"),
    "batches: list": lambda client: [one.to_dict() for one in client.messages.batches.list(limit=2)],
    "batches: cancel": lambda client: client.messages.batches.cancel("msgbatch_1"),
    "batches: results": lambda client: [one.to_dict() for one in client.messages.batches.results("msgbatch_1")],
    "batches: delete": lambda client: client.messages.batches.delete("msgbatch_1"),
    "files: upload": lambda client: client.beta.files.upload(file=("p\u00e9.bin", bytes(range(256)) * 99, "a/b")),
    "files: list": lambda client: [one.to_dict() for one in client.beta.files.list()],
    "files: get": lambda client: client.beta.files.retrieve_metadata("file_1"),
    "files: download": lambda client: client.beta.files.download("file_1").read().hex(),
    "files: delete": lambda client: client.beta.files.delete("file_1"),
    **{f"fails {status}": ask(f"fails:{status}") for status in STATUSES},
    **{f"fails {status} at first": ask(f"fails-at-first:{status}") for status in (429, 500, 529)},
    "fails without retries": lambda client: ask("fails-at-first:529")(client.with_options(max_retries=0)),
}


def failure(error: Exception) -> dict[str, Any]:
    seen: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, anthropic.APIStatusError):
        seen |= {"status": error.status_code, "message": error.message, "id": error.request_id, "body": error.body}
        seen["retry"] = [error.response.headers.get(name) for name in ("retry-after-ms", "x-should-retry")]
    return seen


def outcome(call: Call, client: Anthropic) -> Any:
    try:
        result = call(client)
    except Exception as error:  # noqa: BLE001  # whatever it raises is what is compared
        return failure(error)
    if isinstance(result, anthropic.BaseModel):
        return [result.to_dict(mode="json"), getattr(result, "_request_id", None)]
    return result


def run_python_sdk(base_url: str, key: str = FAKE_KEY) -> dict[str, Any]:
    """By the call's name."""
    with Anthropic(api_key=key, base_url=base_url, max_retries=2, timeout=30) as client:
        return {name: outcome(call, client) for name, call in CALLS.items()}
