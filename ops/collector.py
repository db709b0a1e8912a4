"""How often does a serving process look for garbage in cycles? Rarely: requests and batches leave hardly any.

Looking cost shipper and projections a seventh of their Python, because they make many objects, and hold many, in no
cycle. Pages are cycles when they are left, so who makes pages goes on looking, but not at what it was made of.
"""

import gc

_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20


def keep_what_is_there() -> None:
    """To be called when the process serves: what is there by then stays, and is never looked at again."""
    gc.collect()
    gc.freeze()


def collect_rarely() -> None:
    """The same, and what comes later is looked at after many more objects."""
    keep_what_is_there()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
