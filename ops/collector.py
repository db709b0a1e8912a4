"""How often does a serving process look for garbage in cycles? Rarely: requests leave hardly any."""

import gc

_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20


def collect_rarely() -> None:
    """To be called when the process serves: what is there by then stays, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
