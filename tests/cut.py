"""The same bytes, in pieces."""

from collections.abc import Iterable
from itertools import pairwise


def cut_at(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut at these places as far as they lie within."""
    edges = sorted({0, len(data), *(cut for cut in cuts if 0 < cut < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]
