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
    Mistake(
        "a chunk is recorded after it was forwarded",
        "gateway/exchange.py",
        (("return (*pieces, SendBytes(came.data), _READ_ON)", "return (SendBytes(came.data), *pieces, _READ_ON)"),),
        "tests/gateway/test_exchange.py::test_a_streamed_answer_is_recorded_before_it_is_sent_and_its_terminator_waits_for_the_disk",
    ),
    Mistake(
        "redirects are followed",
        "gateway/wire_upstream.py",
        (
            (
                "            return await self._exchange(request, self._pool.take() or await self._fresh())\n",
                (
                    "            answer = await self._exchange(request, self._pool.take() or await self._fresh())\n"
                    "            if 300 < answer.head.status < 309:\n"
                    "                answer = await self._exchange(request, await self._fresh())\n"
                    "            return answer\n"
                ),
            ),
        ),
        "tests/contracts/test_upstream_trouble.py::test_a_redirect_is_the_clients_to_follow",
    ),
    Mistake(
        "request bodies are decompressed",
        "gateway/server.py",
        (("auto_decompress=False", "auto_decompress=True"),),
        "tests/gateway/test_server.py::test_compressed_bodies_are_not_opened",
    ),
    Mistake(
        "answers are decompressed",
        "gateway/upstream_reading.py",
        (
            (
                "        body.clear()\n        return data\n",
                (
                    "        body.clear()\n"
                    "        import zlib\n"
                    '        return zlib.decompress(data, 31) if data[:2] == b"\\x1f\\x8b" else data\n'
                ),
            ),
        ),
        "tests/gateway/test_wire_upstream.py::test_the_answer_comes_back_as_it_was_sent",
    ),
    Mistake(
        "an answer is detached from its connection after its last bytes",
        "gateway/upstream_connection.py",
        (
            (
                "        is_unsent = bool(self._unsent)\n        self._loose()\n",
                "        is_unsent = bool(self._unsent)\n",
            ),
            (
                '"malformed answer") if reader.is_malformed else None)\n\n    def _loose',
                '"malformed answer") if reader.is_malformed else None)\n        self._loose()\n\n    def _loose',
            ),
        ),
        "tests/gateway/test_upstream_connection.py::test_the_last_bytes_are_out_of_reach_before_the_connection_is_used_again",
    ),
    Mistake(
        "a request is sent again although bytes had come",
        "gateway/upstream_connection.py",
        (("if self._requests > 1 and self._is_silent:", "if self._requests > 1:"),),
        "tests/gateway/test_wire_upstream.py::test_a_reused_connection_that_has_begun_to_answer_is_not_tried_again",
    ),
)
