"""Can the time of a refusal tell what is wrong with a key? Welch's t-test between all kinds of bad keys.

python -m tests.bench.key_timing [TRIES]      5,000 of each kind unless told; |t| below 4.5 is no difference

A client asks a gateway on this machine, which is nearer than any attacker gets. What the decision alone takes is told
for comparison: there a look-up that finds something may differ from one that does not by some 20 of 3,700 ns.
"""

import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from math import sqrt
from pathlib import Path
from time import perf_counter_ns

from credentials.key_text import _checksum
from gateway.admission import Access
from gateway.authentication import UNAUTHENTICATED, managed
from gateway.headers import HeaderLines
from tests.managed import Keys, Signer, TestKey, Usage, key, no_credential, snapshot
from tests.running_gateway import running_gateway
from tests.wire_client import request_bytes

NO_DIFFERENCE = 4.5
NOW = datetime(2026, 5, 4, tzinfo=UTC)
GOOD, EXPIRED, REVOKED = key(1), key(2, expires_at=NOW), key(3, revoked_at=NOW)
KEYS = snapshot(GOOD, EXPIRED, REVOKED, *(key(number) for number in range(100, 1100)))


def with_other_secret(of: TestKey, other: TestKey) -> bytes:
    """Well formed, with a known id: the checksum is that of the whole."""
    signed = (of.text[:13] + other.text[13:56]).decode()
    return f"{signed}_{_checksum(signed)}".encode()


KINDS: Mapping[str, HeaderLines] = {
    "unknown id": (key(9).bearer,),
    "wrong secret": ((b"Authorization", b"Bearer " + with_other_secret(GOOD, key(9))),),
    "expired": (EXPIRED.bearer,),
    "revoked": (REVOKED.bearer,),
}
"""All are of one length, so that they differ in nothing but what the gateway knows of them."""


Times = dict[str, list[int]]
"""Nanoseconds of each try."""


def decided(tries: int, rng: random.Random) -> Times:
    """By the decision alone."""
    times: Times = {kind: [] for kind in KINDS}
    for kind, lines in in_turn(tries, rng):
        began = perf_counter_ns()
        refused = managed(lines, "POST", b"/v1/messages", KEYS, NOW)
        times[kind].append(perf_counter_ns() - began)
        assert refused is UNAUTHENTICATED
    return times


async def answered(tries: int, rng: random.Random) -> Times:
    """By a gateway, from the request to the whole answer."""
    times: Times = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        stored = Access(Keys(KEYS), Signer(no_credential), Usage())
        async with running_gateway(Path(folder), "http://127.0.0.1:1", stored, mode="managed") as gateway:
            for kind, lines in in_turn(tries, rng):
                async with gateway.client() as client:
                    sent = request_bytes("POST", b"/v1/messages", *lines)
                    began = perf_counter_ns()
                    await client.send(sent)
                    answer = await client.answer()
                    times[kind].append(perf_counter_ns() - began)
                    assert answer.status == 401
    return times


def in_turn(tries: int, rng: random.Random) -> Iterator[tuple[str, HeaderLines]]:
    """The kinds take turns in random order, so that the machine's moods meet them all."""
    kinds = list(KINDS.items())
    for _ in range(tries):
        rng.shuffle(kinds)
        yield from kinds


def trimmed(times: Sequence[int], kept: float = 0.9) -> list[int]:
    """Without the slowest: interruptions."""
    return sorted(times)[: int(len(times) * kept)]


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Welch's t."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / sqrt(spread)


def worst(times: Mapping[str, Sequence[int]]) -> float:
    """Prints the table; the largest |t|."""
    kept = {kind: trimmed(found) for kind, found in times.items()}
    for kind, found in kept.items():
        print(f"  {kind:14} mean {statistics.fmean(found):10.0f} ns, median {statistics.median(found):10.0f} ns")
    found_t = [(one, other, welch(kept[one], kept[other])) for one, other in combinations(kept, 2)]
    for one, other, t in found_t:
        print(f"  {one:14} {other:14} t = {t:+.2f}")
    return max(abs(t) for _, _, t in found_t)


def main(tries: int) -> int:
    """The exit code says whether a client can tell two kinds apart."""
    print("the decision alone")
    worst(decided(tries, random.Random(1)))
    print("a gateway")
    found = worst(asyncio.run(answered(tries, random.Random(2))))
    print(f"worst |t| = {found:.2f}")
    return int(found >= NO_DIFFERENCE)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
