"""What was played, as it is kept."""

import msgspec

from ops.demo.played import AUXILIARY, Played, line


def test_a_line_gives_the_exchange_back() -> None:
    played = Played("story", "id", "main", "continues", "parent", 200, "whole", 3, "abc")
    assert line(played).endswith(b"}\n")
    assert line(played).count(b"\n") == 1
    assert msgspec.json.decode(line(played), type=Played) == played


def test_side_requests_belong_to_nobody() -> None:
    assert (AUXILIARY.request_class, AUXILIARY.edge, AUXILIARY.parent) == ("auxiliary", "none", None)
