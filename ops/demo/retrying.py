"""Does Claude Code ask again, when, and what is different then? Pure, as observed of 2.1.330.

The body stays the same byte for byte, but for one case: after an error event in the middle of an answer it asks once
more without streaming.
"""

from dataclasses import dataclass

from ops.demo.client import Heard

MAX_TRIES = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.6, 8.0
_BUSY = {429, 529}
_SICK = {401, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Again:
    """It asks again."""

    wait_s: float = 0.0
    played: bool = True
    """The pause belongs to the play; False: something is really wrong, and waiting takes its time at any pace."""
    whole: bool = False
    """Without streaming."""
    fallback: bool = False
    """With one more beta, after a refusal."""


def again(heard: Heard, tried: int) -> Again | None:
    """After ``tried`` attempts, the last of which was ``heard``. None: it is done."""
    pause_s = min(_FIRST_PAUSE_S * 2 ** (tried - 1), _LONGEST_PAUSE_S)
    if tried >= MAX_TRIES:
        return None
    match heard.ending:
        case "lost" | "unreached":
            return Again(pause_s, played=False)
        case "broken":
            return Again(whole=True) if heard.reading.deltas else Again(pause_s)
        case "whole" if heard.reading.stop_reason == "refusal" and tried == 1:
            return Again(fallback=True)
        case "error":
            return _after_error(heard, pause_s)
    return None


def _after_error(heard: Heard, pause_s: float) -> Again | None:
    if heard.headers.get("x-should-retry") == "false":
        return None
    if heard.status in _BUSY:
        return Again(float(heard.headers.get("retry-after", pause_s)))
    return Again(pause_s, played=False) if heard.status in _SICK else None
