"""How much is asked in a round? Enough for numbers that mean something, or just enough to see that all of it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Requests of each kind, in one round, for one target."""

    json: int
    streams: int
    paced: int
    """64 are open at a time, each for one second."""
    large: int
    idle: int
    turns: int
    mix_copies: int
    fresh: int
    live: int


FULL = Size(json=4000, streams=800, paced=256, large=200, idle=1000, turns=200, mix_copies=4, fresh=400, live=180)
QUICK = Size(json=1500, streams=300, paced=96, large=60, idle=300, turns=60, mix_copies=1, fresh=100, live=60)
TINY = Size(json=300, streams=40, paced=16, large=4, idle=20, turns=8, mix_copies=1, fresh=4, live=8)
