"""Mistakes that the tests must find: each a few words of the source replaced, and the test that is named for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """Each left side of ``edits`` stands exactly once in ``file``; with the right sides there, ``found_by`` fails."""

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    found_by: str


MISTAKES = (
    Mistake(
        "the checksum of a frame is not looked at",
        "gateway/frames.py",
        (("if zlib.crc32(payload, checked) != crc:", "if zlib.crc32(payload, checked) < 0:"),),
        "tests/gateway/test_frames.py::test_a_flipped_bit_loses_at_most_its_own_frame",
    ),
    Mistake(
        "appends do not take the lock",
        "ops/db/event_store.py",
        (("        await connection.execute(TAKE_LOCK, APPEND_LOCK)\n", ""),),
        "tests/ops/db/test_event_store.py::test_no_position_is_drawn_before_the_lock_is_held",
    ),
    Mistake(
        "the library's writers do not take the lock",
        "ops/db/recorder.py",
        (('            SQL("SELECT pg_advisory_xact_lock({0})").format(Literal(APPEND_LOCK)),\n', ""),),
        "tests/ops/db/test_recorder.py::test_an_insert_waits_for_the_append_lock",
    ),
    Mistake(
        "the cursor moves in a second transaction",
        "ops/db/event_store.py",
        (
            (
                "                await _append(connection, rows)\n",
                (
                    "                await _append(connection, rows)\n"
                    "            async with borrowed(self._pool, deadline_s) as connection, connection.transaction():\n"
                    "                await _move_cursor(connection, rows.before, rows.after)\n"
                ),
            ),
            (
                "    await _note_open(connection, rows)\n    await _move_cursor(connection, rows.before, rows.after)\n",
                "    await _note_open(connection, rows)\n",
            ),
        ),
        "tests/ops/db/test_event_store.py::test_a_cursor_that_stands_elsewhere_leaves_nothing_behind",
    ),
    Mistake(
        "a checkpoint moves wherever it stood",
        "projections/read_models/builds.py",
        (('    if done != "UPDATE 1":', '    if done == "never":'),),
        "tests/projections/test_follower.py::test_of_two_followers_of_a_build_one_commits",
    ),
)
