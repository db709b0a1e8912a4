"""Which request does a client send next, and does it wait for the end of the answer? Computed, pure.

Every body is different, so that its hash names the request on both sides.
"""

import msgspec

from ops.torture.script import WORDS, answer_to, dice

LEAVING = 0.4
"""How many of the clients go away where they are to."""
_HUGE_BYTES = 300_000
_A_SESSION = 4
"""So many questions of a client belong to one session."""


def body_of(seed: int, client: int, number: int) -> bytes:
    """The ``number``-th request of this client; now and then a large one."""
    name = f"torture {seed}, client {client}, question {number}"
    chance = dice(name.encode(), "question")
    count = _HUGE_BYTES // 6 if chance.random() < 0.01 else chance.randint(0, 80)
    words = " ".join(chance.choices(WORDS, k=count))
    question = {"role": "user", "content": f"{name}: {words}"}
    session = f"{seed % 2**32:08x}-{number // _A_SESSION % 2**16:04x}-4000-8000-{client:012x}"
    user = {"user_id": f"user_{client:064x}_account__session_{session}"}
    return msgspec.json.encode(
        {"model": "torture", "max_tokens": 100, "stream": True, "metadata": user, "messages": [question]}
    )


def leaves_after(body: bytes) -> int | None:
    """After so many bytes of the answer this client goes away, if clients are to; None: it stays."""
    chance = dice(body, "leaving")
    size = len(answer_to(body).body)
    return chance.randrange(size) if chance.random() < LEAVING and size else None
