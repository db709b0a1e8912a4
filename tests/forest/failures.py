"""How can a request fail, and how does the client ask again? The table of claude-code-wire.md §3 g."""

from dataclasses import dataclass, replace

from tests.forest.answers import NOTHING, Answer, Outcome, cut_short, error_event, refused, renamed, whole
from tests.forest.dialects import Dialect
from tests.forest.requests import Call
from tests.forest.vocabulary import Words

_STATUSES = {
    "429": "rate_limit_error",
    "500": "api_error",
    "503": "api_error",
    "529": "overloaded_error",
    "401": "authentication_error",
    "400": "invalid_request_error",
}
COMMON = (*_STATUSES, "drop_before_headers", "drop_mid", "error_at_once", "error_after_text", "stall")
EVERY = (*COMMON, "refusal")
SIMPLE = ("429", "500", "529", "drop_before_headers")
STALL_S = 300.1


@dataclass(frozen=True)
class Failed:
    """One attempt that was in vain."""

    outcome: Outcome
    duration: float
    pause: float
    """Until the next attempt; below zero: the recorder sees the end after the next attempt has begun."""
    next_call: Call


def fail(fault: str, answer: Answer, call: Call, dialect: Dialect, words: Words) -> Failed:
    """What a broken stream had begun to say is what the answer will be, or not."""
    begun = renamed(answer, words) if words.chance(0.5) else Answer(({"type": "text", "text": words.fresh(9)},))
    again = _again(fault, call, dialect)
    if fault in _STATUSES:
        return Failed(refused(int(fault), _STATUSES[fault]), 0.02, words.between(0.3, 2.5), again)
    match fault:
        case "drop_before_headers":
            return Failed(NOTHING, 0.1, words.between(0.3, 0.9), again)
        case "drop_mid" if call.stream:
            return Failed(cut_short(begun, words, fault), words.between(0.1, 5), words.between(0.3, 0.9), again)
        case "error_at_once" | "error_after_text" if call.stream:
            outcome = error_event(begun, words, after_text=fault == "error_after_text")
            return Failed(outcome, words.between(0.1, 5), words.between(0.01, 0.9), again)
        case "stall" if call.stream:
            return Failed(cut_short(begun, words, "client_gone"), STALL_S, words.between(-0.1, 0.1), again)
        case "refusal":
            refusal = Answer(({"type": "text", "text": words.fresh(6)},), "refusal")
            outcome = whole(refusal, words, stream=bool(call.stream))
            return Failed(outcome, 1.0, 0.1, replace(call, beta=f"{call.beta},fallback-credit-2026-06-01"))
        case _:
            return Failed(NOTHING, 0.1, words.between(0.3, 0.9), again)


def _again(fault: str, call: Call, dialect: Dialect) -> Call:
    """Mostly byte for byte the same."""
    if dialect.plain:
        return replace(call, retry_count=call.retry_count + 1) if dialect.version == "sdk" else call
    if dialect.old or fault in {"error_after_text", "stall"}:
        return call.not_streaming(dialect)
    return replace(call, beta="claude-code-20250219") if fault == "400" else call
