"""How does a verdict read? As text for people, as JSON for scripts; pure."""

import json
from collections import Counter

from ops.checking.checker import Checked
from ops.checking.violations import ADVICE
from ops.text_table import text_table

MOST_LINES = 200
_WORDS = {
    "exchanges": "exchanges",
    "open": "of them open",
    "events": "events",
    "chunk_bytes": "bytes of answers",
    "body_bytes": "bytes of request bodies, joined",
    "gaps": "told gaps",
    "gap_bytes": "bytes told as missing",
    "journals": "journals on this disk",
    "frames": "records in them",
    "compared": "exchanges compared with their journal",
    "unshipped": "exchanges in a journal only",
    "damaged_bytes": "bytes of journals without a good record",
    "clients": "requests that clients recorded",
    "upstream": "requests that upstream recorded",
}


def as_text(checked: Checked) -> str:
    """A table of what was looked at, then a line for each violation and one on what to do."""
    rows = [[words, f"{checked.counts.as_dict()[name]:,}"] for name, words in _WORDS.items()]
    lines = [text_table(["looked at", ""], rows), ""]
    lines += [f"{one.invariant:<5}  {one.request_id or '-'}  {one.detail}" for one in checked.violations[:MOST_LINES]]
    if len(checked.violations) > MOST_LINES:
        lines.append(f"… and {len(checked.violations) - MOST_LINES} more; `--json` has them all.")
    counted = Counter(one.invariant for one in checked.violations)
    lines += [f"{invariant}: {number} ×; {ADVICE[invariant]}." for invariant, number in sorted(counted.items())]
    return "\n".join([*lines, "Nothing is lost." if checked.ok else ""]).rstrip()


def as_json(checked: Checked) -> str:
    violations = [
        {"invariant": one.invariant, "request_id": one.request_id and str(one.request_id), "detail": one.detail}
        for one in checked.violations
    ]
    return json.dumps({"ok": checked.ok, "counts": checked.counts.as_dict(), "violations": violations})
