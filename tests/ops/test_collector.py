"""A process that serves leaves alone what it was made of."""

import gc

from ops.collector import collect_rarely, keep_what_is_there


def test_what_is_there_is_never_looked_at_again() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # a part that another test started in this process may have called it already
    try:
        collect_rarely()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() > (700, 10, 10)
        cycle: list[object] = []
        cycle.append(cycle)
        assert any(found is cycle for found in gc.get_objects()), "what comes later is"
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_who_makes_pages_looks_as_often_as_before() -> None:
    before = gc.get_threshold()
    try:
        keep_what_is_there()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == before
    finally:
        gc.unfreeze()
