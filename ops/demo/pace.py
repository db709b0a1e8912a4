"""How fast is a play? At a human pace, or as fast as the machine can."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Stretches every pause of a play."""

    factor: float = 1.0
    """0: no pause at all."""

    async def rest(self, seconds: float) -> None:
        """Wait that long in the play's time; always lets others have their turn."""
        await asyncio.sleep(seconds * self.factor)


HUMAN = Pace()
FAST = Pace(0.0)
