"""What came of a run, in words and in JSON? Values in, text out, pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ops.torture.schedule import Plant
from ops.torture.verdict import RECOVERY_S, Cause, Failure

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run."""

    repeat: str
    """The command that does the same again."""
    left_out: Sequence[str] = ()
    """Faults that this machine cannot do."""
    planted: Sequence[Plant] = ()
    requests: int = 0
    byte_count: int = 0
    causes: Counter[Cause] = field(default_factory=Counter)
    failures: Sequence[Failure] = ()
    recoveries_s: Sequence[float] = ()
    recovery_limit_s: float = RECOVERY_S
    rss_growth: int | None = None
    """Bytes; None: nobody measured."""
    settled_s: float | None = None
    """None: it did not settle."""
    exit_code: int = 0
    """How the product stopped."""
    unshipped: int = 0
    """Journals that were left."""
    checked: str = ""
    """What the checker looked at."""
    violations: Sequence[str] = ()
    """What the checker found."""

    @property
    def faults_found(self) -> list[str]:
        """Everything that must not be; empty: the run is clean."""
        out = [f"client {one.saw.body_sha256[:12]} ({one.saw.request_id}): {one.why}" for one in self.failures]
        out += self.violations
        slow = [lasted for lasted in self.recoveries_s if lasted > self.recovery_limit_s]
        out += [f"the gateway was away for {lasted:.1f} s, more than {self.recovery_limit_s:g} s" for lasted in slow]
        if self.settled_s is None:
            out.append("what was recorded did not arrive in the read models in time")
        if self.exit_code:
            out.append(f"the product stopped with exit code {self.exit_code}")
        if self.unshipped:
            out.append(f"{self.unshipped} journals were not shipped to their end")
        return out

    @property
    def ok(self) -> bool:
        return not self.faults_found


def text(outcome: Outcome) -> str:
    """For a person."""
    counted = ", ".join(f"{count} {cause}" for cause, count in sorted(outcome.causes.items()))
    lines = ["planted:", *(f"  {one}" for one in outcome.planted)]
    lines += [f"left out: {one}" for one in outcome.left_out]
    lines.append(f"requests: {outcome.requests}, {outcome.byte_count} bytes of answers; {counted}")
    if outcome.recoveries_s:
        lines.append(
            f"gateway killed: {len(outcome.recoveries_s)} times, serving again after "
            f"{max(outcome.recoveries_s):.2f} s at most"
        )
    if outcome.rss_growth is not None:
        lines.append(f"gateway memory: {outcome.rss_growth / 1e6:+.1f} MB")
    if outcome.settled_s is not None:
        lines.append(f"all shipped: {outcome.settled_s:.1f} s after the last answer")
    if outcome.checked:
        lines.append(f"checked: {outcome.checked}")
    found = outcome.faults_found
    lines.append(f"violations: {len(found)}")
    lines += [f"  {one}" for one in found[:_SHOWN]]
    lines += [f"  … and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "\n".join([*lines, f"again: {outcome.repeat}"])


def json_text(outcome: Outcome) -> str:
    """For a script."""
    said = {
        "ok": outcome.ok,
        "again": outcome.repeat,
        "planted": [
            {"at_s": one.at_s, "fault": one.fault, "target": one.target, "lasts_s": one.lasts_s}
            for one in outcome.planted
        ],
        "left_out": list(outcome.left_out),
        "requests": outcome.requests,
        "bytes": outcome.byte_count,
        "clients": dict(outcome.causes),
        "recoveries_s": [round(one, 3) for one in outcome.recoveries_s],
        "gateway_rss_growth_bytes": outcome.rss_growth,
        "settled_s": outcome.settled_s,
        "checked": outcome.checked,
        "violations": outcome.faults_found,
    }
    return msgspec.json.encode(said).decode()
