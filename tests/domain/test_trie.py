"""Two paths share a node exactly if they share the whole prefix: scope, end user, roles and blocks."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import DIGEST_BYTES
from domain.trie import after, root_of

blocks = st.tuples(st.sampled_from([b"a" * DIGEST_BYTES, b"b" * DIGEST_BYTES]), st.booleans())
scopes = st.tuples(st.sampled_from(["device:d", "device", ""]), st.sampled_from([None, "me", ""]))
paths = st.tuples(scopes, st.lists(blocks, max_size=4))
Path = tuple[tuple[str, str | None], list[tuple[bytes, bool]]]


def nodes(path: Path) -> list[bytes]:
    (scope, user), steps = path

    def step(node: bytes, block: tuple[bytes, bool]) -> bytes:
        return after(node, block[0], by_assistant=block[1])

    return list(accumulate(steps, step, initial=root_of(scope, user)))


@given(paths, paths)
def test_a_node_is_shared_exactly_where_the_prefix_is(one: Path, other: Path) -> None:
    for n, node in enumerate(nodes(one)):
        for m, its in enumerate(nodes(other)):
            same = one[0] == other[0] and one[1][:n] == other[1][:m]
            assert (node == its) == same


@given(st.text(), st.none() | st.text())
def test_any_scope_has_a_root(scope: str, user: str | None) -> None:
    """Also one with half a character in it."""
    assert len(root_of(scope, user)) == DIGEST_BYTES
    assert root_of(scope + "\ud800", user) != root_of(scope, user)
